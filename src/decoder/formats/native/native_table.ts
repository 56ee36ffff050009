// What the envelopes of one table share, as bytes that are ready to be copied.

import type { PgType } from "../../../core/pg_type.ts";
import type { Operation } from "../../change.ts";
import type { KeyColumns, Table } from "../../table.ts";
import { jsonStringBytes, quoted } from "../json/json_string.ts";
import { utf8 } from "../../../core/utf8.ts";
import { valueWriter } from "../json/value_writer.ts";
import type { ValueWriter } from "../json/value_writer_type.ts";

const OPERATIONS: readonly Operation[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ"];

/** The fragments of a table's envelopes, and a writer for each column. */
export interface NativeTable {
  readonly writers: readonly ValueWriter[];
  /** `,"name":` for each column. */
  readonly namePrefixes: readonly Uint8Array[];
  /** `"name"` for each column. */
  readonly names: readonly Uint8Array[];
  /** Whether the column is part of the replica identity. */
  readonly identity: readonly boolean[];
  /** The JSON before each column of the table's key: `{"id":`, `,"part":`. */
  readonly keyPrefixes: readonly Uint8Array[];
  /** The same of its identity key. */
  readonly identityPrefixes: readonly Uint8Array[];
  /** `{"schema":"public","table":"users","op":"INSERT","ts_ms":` */
  readonly heads: ReadonlyMap<Operation, Uint8Array>;
  /** `"schema":"public","table":"users","lsn":"` */
  readonly source: Uint8Array;
}

/** @param types and mayBeOlder as for `RecordFormat.table` */
export function compileNativeTable(table: Table, types: readonly PgType[], mayBeOlder: boolean): NativeTable {
  const names = table.columns.map((column) => jsonStringBytes(column.name));
  const place = `"schema":${quoted(table.schema)},"table":${quoted(table.table)}`;
  return {
    writers: types.map((type) => valueWriter(type, mayBeOlder)),
    namePrefixes: names.map((name) => concat([COMMA, name, COLON])),
    names,
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
