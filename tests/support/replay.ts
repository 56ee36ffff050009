// Applies changes to tables, as a consumer that copies a database would do it.

import { type Change, changeName, type Report } from "./changes.ts";
import { jsonMembers, type JsonText } from "./json_text.ts";

/** A row: canonical JSON by column. */
export type Row = Map<string, JsonText>;

/** The rows by key; those of a table without a key by themselves, each with how often it is there. */
export class ReplayedTable {
  readonly #rows = new Map<string, { readonly row: Row; count: number }>();
  /** The columns of the keys so far: nearly always the same. */
  readonly #keyColumns = new Set<string>();

  rows(): readonly Row[] {
    return [...this.#rows.values()].flatMap(({ row, count }) => Array.from({ length: count }, () => row));
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  set(key: string, row: Row): void {
    this.#rows.set(key, { row, count: 1 });
  }

  add(row: Row): void {
    const entry = this.#rows.get(rowText(row));
    if (entry === undefined) this.set(rowText(row), row);
    else entry.count++;
  }

  /** Takes one row away and returns it. */
  take(key: string): Row | undefined {
    const entry = this.#rows.get(key);
    if (entry === undefined) return undefined;
    if (entry.count > 1) entry.count--;
    else this.#rows.delete(key);
    return entry.row;
  }

  /** Puts a row under a key, JSON of its columns. */
  put(key: JsonText, row: Row): void {
    this.#keyColumns.add(columnsOf(jsonMembers(key)));
    this.set(key, row);
  }

  /** The key under which a row is whose columns are those of `columns`: a key may be another than the last time. */
  find(columns: ReadonlyMap<string, JsonText>): string | undefined {
    const isOnlyKey = this.#keyColumns.size === 1 && this.#keyColumns.has(columnsOf(columns));
    if (isOnlyKey) return undefined;
    for (const [key, { row }] of this.#rows) {
      if ([...columns].every(([column, value]) => row.get(column) === value)) return key;
    }
    return undefined;
  }

  clear(): void {
    this.#rows.clear();
  }
}

/**
 * The tables, by `schema.table`, after all changes.
 * @param once changes in commit order, each of them once
 * @param startedEmpty whether an update or delete of a row that is not there is a problem
 */
export function replay(
  once: readonly Change[],
  startedEmpty: boolean,
  report: Report,
): ReadonlyMap<string, ReplayedTable> {
  const tables = new Map<string, ReplayedTable>();
  /** The old row of a changed key, from its DELETE to the INSERT that follows. */
  let moved: Row | undefined;
  for (const change of once) {
    if (change.table === null) continue;
    let table = tables.get(change.table);
    if (table === undefined) tables.set(change.table, table = new ReplayedTable());
    const fail = (found: string) =>
      report("replay", `${changeName(change)}, ${change.op} ${change.table} ${change.key}: ${found}`);
    switch (change.op) {
      case "INSERT":
      case "READ":
      case "UPDATE": {
        const old = change.op !== "INSERT" ? takeOld(table, change) : change.keyChange ? moved : undefined;
        moved = undefined;
        if (change.op === "UPDATE" && old === undefined && startedEmpty) fail("there is no such row");
        if (change.op === "INSERT" && change.key !== null && table.has(change.key)) {
          fail("the row is there already");
        }
        putNew(table, change, old, startedEmpty ? fail : () => {});
        break;
      }
      case "DELETE": {
        const old = takeOld(table, change);
        if (old === undefined && startedEmpty) fail("there is no such row");
        if (change.keyChange) moved = old;
        break;
      }
      case "TRUNCATE":
        table.clear();
        break;
      case "MESSAGE":
        break;
    }
  }
  return tables;
}

function takeOld(table: ReplayedTable, change: Change): Row | undefined {
  if (change.key === null) return change.before === null ? undefined : table.take(rowText(change.before));
  if (table.has(change.key)) return table.take(change.key);
  const columns = jsonMembers(change.key);
  const key = columns === null || change.op === "READ" ? undefined : table.find(columns);
  return key === undefined ? undefined : table.take(key);
}

function putNew(
  table: ReplayedTable,
  change: Change,
  old: Row | undefined,
  fail: (found: string) => void,
): void {
  if (change.after === null) return fail("there is no after");
  const row: Row = new Map(change.after);
  for (const column of change.unchanged) {
    const value = old?.get(column);
    if (row.has(column)) fail(`column ${column} is said to be unchanged, and is there`);
    else if (value === undefined) fail(`column ${column} is unchanged, and was never there`);
    else row.set(column, value);
  }
  if (change.key === null) table.add(row);
  else table.put(change.key, row);
}

function columnsOf(key: ReadonlyMap<string, JsonText> | null): string {
  return JSON.stringify([...key?.keys() ?? []].sort());
}

/** A row's text, whatever the order of its columns. */
export function rowText(row: ReadonlyMap<string, JsonText>): string {
  const columns = [...row].sort(([a], [b]) => a < b ? -1 : 1);
  return `{${columns.map(([column, value]) => `${JSON.stringify(column)}:${value}`).join(",")}}`;
}
