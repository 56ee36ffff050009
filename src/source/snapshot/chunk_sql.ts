// The SQL that reads the rows of a table, in chunks by its key or as a whole.

import type { ChunkQuery } from "../../pipeline/snapshot_ports.ts";
import { quoteIdentifier, quoteLiteral } from "../connection.ts";
import type { OrderColumn, TablePlan } from "./table_plan.ts";

/**
 * Locks the table before the snapshot is taken: a snapshot older than an ALTER TABLE sees the table empty.
 */
export function beginSql({ from }: TablePlan): string {
  return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE ${from} IN ACCESS SHARE MODE`;
}

/**
 * Reads the moment of the transaction. As its first query, it takes the snapshot, then reads the end of the
 * WAL.
 */
export const MOMENT_SQL =
  "SELECT pg_catalog.pg_current_snapshot(), pg_catalog.pg_current_wal_insert_lsn(), " +
  "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8";

/** Selects the next rows in the order of the key. */
export function chunkSql(plan: TablePlan, { after, keys, where, rowsMax }: ChunkQuery): string {
  const conditions = [
    ...(after === null ? [] : [isBehind(plan.orderBy, after)]),
    ...(keys === null ? [] : [keys.map((key) => isKey(plan.orderBy, key)).join(" OR ")]),
  ];
  const order = plan.orderBy.map(({ name, collate, less }) =>
    `${quoteIdentifier(name)}${collate} USING ${less}`
  );
  return `${select(plan, where, conditions)} ORDER BY ${order.join(", ")} LIMIT ${rowsMax}`;
}

/** Selects all rows. */
export function wholeSql(plan: TablePlan, where: string | null): string {
  return select(plan, where, []);
}

function select({ columns, from, filter }: TablePlan, where: string | null, more: readonly string[]): string {
  const conditions = [
    ...more,
    ...(filter === null ? [] : [filter]),
    // The line break keeps a comment at the end of the condition from hiding the SQL that follows.
    ...(where === null ? [] : [`${where}\n`]),
  ];
  // A table can have no published columns.
  const list = columns.map(quoteIdentifier).join(", ");
  const clause = conditions.length === 0
    ? ""
    : ` WHERE ${conditions.map((each) => `(${each})`).join(" AND ")}`;
  return `SELECT ${list} FROM ${from}${clause}`;
}

function isKey(columns: readonly OrderColumn[], key: readonly string[]): string {
  return `(${columns.map((column, index) => compare(column, column.equal, key[index]!)).join(" AND ")})`;
}

/**
 * Tests whether a row comes after the key. A row comparison needs one operator for all columns. If they have
 * several, the condition on the first column lets PostgreSQL use the index.
 */
function isBehind(columns: readonly OrderColumn[], key: readonly string[]): string {
  const [first, ...others] = columns;
  if (first === undefined) return "true";
  if (others.length === 0) return compare(first, first.greater, key[0]!);
  if (columns.every(({ greater, collate }) => greater === first.greater && collate === "")) {
    const names = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
    const values = columns.map((column, index) => literal(column, key[index]!)).join(", ");
    return `(${names}) ${first.greater} (${values})`;
  }
  const cases = columns.map((column, index) =>
    [
      ...columns.slice(0, index).map((before, at) => compare(before, before.equal, key[at]!)),
      compare(column, column.greater, key[index]!),
    ].join(" AND ")
  );
  return `NOT (${compare(first, first.less, key[0]!)}) AND (${
    cases.map((each) => `(${each})`).join(" OR ")
  })`;
}

function compare(column: OrderColumn, operator: string, value: string): string {
  return `${quoteIdentifier(column.name)}${column.collate} ${operator} ${literal(column, value)}`;
}

function literal({ type }: OrderColumn, value: string): string {
  return `${quoteLiteral(value)}::${type}`;
}
