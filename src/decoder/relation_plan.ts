// Compiles a Relation message to a plan: the JSON around its values, ready as bytes, and a writer for each column.

import { jsonStringBytes } from "./values/json_string.ts";
import { type ValueWriter, valueWriter } from "./values/writer.ts";
import type { Relation } from "./pgoutput.ts";
import type { TypeInfo } from "./type_info.ts";

/** What an envelope can say in `op`. */
export type Operation = "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "READ" | "MESSAGE";

const OPERATIONS: readonly Operation[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ"];

/** The columns that make a key, and the JSON before each: `{"id":`, `,"part":`. */
export interface KeyPlan {
  readonly columns: readonly number[];
  readonly prefixes: readonly Uint8Array[];
}

/** Everything about a relation that its rows share. */
export interface RelationPlan {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  readonly typeOids: readonly number[];
  readonly writers: readonly ValueWriter[];
  /** `,"name":` for each column. */
  readonly namePrefixes: readonly Uint8Array[];
  /** `"name"` for each column. */
  readonly names: readonly Uint8Array[];
  /** Whether the column is part of the replica identity. */
  readonly identity: readonly boolean[];
  /** The primary key, where the table has one; else the replica identity index. */
  readonly key: KeyPlan | null;
  /** The replica identity index: the key of a row of which nothing else is known. */
  readonly identityKey: KeyPlan | null;
  /** `{"schema":"public","table":"users","op":"INSERT","ts_ms":` */
  readonly heads: ReadonlyMap<Operation, Uint8Array>;
  /** `"schema":"public","table":"users","lsn":"` */
  readonly source: Uint8Array;
}

/**
 * @param primaryKey the names of the primary key's columns, null when there is none, undefined when only the
 * replica identity is known: the same thing where the identity is `default`
 * @param types the type of each column, in the relation's order
 */
export function compileRelation(
  relation: Relation,
  primaryKey: readonly string[] | null | undefined,
  types: readonly TypeInfo[],
): RelationPlan {
  const names = relation.columns.map((column) => jsonStringBytes(column.name));
  const identityColumns = relation.replicaIdentity === "full" || relation.replicaIdentity === "nothing"
    ? []
    : relation.columns.flatMap((column, index) => column.isIdentity ? [index] : []);
  const identityKey = keyPlan(identityColumns, names);
  const schema = quoted(relation.schema);
  const table = quoted(relation.table);
  return {
    id: relation.id,
    schema: relation.schema,
    table: relation.table,
    typeOids: relation.columns.map((column) => column.typeOid),
    writers: types.map((type) => valueWriter(type, false)),
    namePrefixes: names.map((name) => concat([COMMA, name, COLON])),
    names,
    identity: relation.columns.map((column) => column.isIdentity),
    key: keyPlan(primaryKeyColumns(relation, primaryKey), names) ?? identityKey,
    identityKey,
    heads: new Map(
      OPERATIONS.map((op) => [op, ascii(`{"schema":${schema},"table":${table},"op":"${op}","ts_ms":`)]),
    ),
    source: ascii(`"schema":${schema},"table":${table},"lsn":"`),
  };
}

/** The plan for the same relation with its types as they are now. @param older as for `valueWriter` */
export function withTypes(plan: RelationPlan, types: readonly TypeInfo[], older: boolean): RelationPlan {
  return { ...plan, writers: types.map((type) => valueWriter(type, older)) };
}

const ENCODER = new TextEncoder();
const COMMA = ENCODER.encode(",");
const COLON = ENCODER.encode(":");
const OPEN = ENCODER.encode("{");

/** The bytes of `text`, which is JSON already. */
export function ascii(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** `text` as a JSON string. */
export function quoted(text: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(jsonStringBytes(text));
}

function primaryKeyColumns(relation: Relation, primaryKey: readonly string[] | null | undefined): number[] {
  if (primaryKey === null || primaryKey === undefined) return [];
  const columns = primaryKey.map((name) => relation.columns.findIndex((column) => column.name === name));
  // A column that the publication leaves out can't be part of a key. In the table's order, whatever the index's:
  // that is the order in which the stream alone tells it, so a key looks the same however it was found.
  return columns.includes(-1) ? [] : columns.sort((a, b) => a - b);
}

function keyPlan(columns: readonly number[], names: readonly Uint8Array[]): KeyPlan | null {
  if (columns.length === 0) return null;
  return {
    columns,
    prefixes: columns.map((column, index) => concat([index === 0 ? OPEN : COMMA, names[column]!, COLON])),
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
