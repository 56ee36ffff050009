// The parts that all envelopes of a table share, as bytes to copy.

import type { PgType } from "../../../core/pg_type.ts";
import type { Operation } from "../../change.ts";
import type { KeyColumns, Table } from "../../table.ts";
import { jsonStringBytes } from "../json/json_string.ts";
import { utf8 } from "../../../core/utf8.ts";
import { type ValueWriter, valueWriter } from "../json/value_writer.ts";

const OPERATIONS: readonly Operation[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ"];

/** The constant parts of a table's envelopes, and a writer for each column. */
export interface NativeTable {
  readonly writers: readonly ValueWriter[];
  /** `,"name":` for each column. */
  readonly namePrefixes: readonly Uint8Array[];
  /** Whether the column is part of the replica identity. */
  readonly identity: readonly boolean[];
  /** The JSON before each column of the key: `{"id":`, `,"part":`. */
  readonly keyPrefixes: readonly Uint8Array[];
  /** The same for the identity key. */
  readonly identityPrefixes: readonly Uint8Array[];
  /** `{"schema":"public","table":"users","op":"INSERT","ts_ms":` */
  readonly heads: ReadonlyMap<Operation, Uint8Array>;
  /** `"schema":"public","table":"users","lsn":"` */
  readonly source: Uint8Array;
}

/** @param types, mayBeOlder as for `RecordFormat.table` */
export function compileNativeTable(table: Table, types: readonly PgType[], mayBeOlder: boolean): NativeTable {
  // Columns of one type share a writer: a composite type's can be large.
  const writers = new Map([...new Set(types)].map((type) => [type, valueWriter(type, mayBeOlder)]));
  const names = table.columns.map((column) => jsonStringBytes(column.name));
  const place = `"schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.table)}`;
  return {
    writers: types.map((type) => writers.get(type)!),
    namePrefixes: names.map((name) => concat([COMMA, name, COLON])),
    identity: table.columns.map((column) => column.isIdentity),
    keyPrefixes: prefixesOf(table.key, names),
    identityPrefixes: prefixesOf(table.identityKey, names),
    heads: new Map(OPERATIONS.map((op) => [op, utf8(`{${place},"op":"${op}","ts_ms":`)])),
    source: utf8(`${place},"lsn":"`),
  };
}

const COMMA = utf8(",");
const COLON = utf8(":");
const OPEN = utf8("{");

function prefixesOf(key: KeyColumns | null, names: readonly Uint8Array[]): readonly Uint8Array[] {
  return (key ?? []).map((column, index) => concat([index === 0 ? OPEN : COMMA, names[column]!, COLON]));
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
