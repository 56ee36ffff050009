// The parts that all envelopes of a table share, as bytes to copy.

import type { PgType } from "../../../core/pg_type.ts";
import { utf8All } from "../../../core/utf8.ts";
import type { Operation } from "../../change.ts";
import type { KeyColumns, Table } from "../../table.ts";
import { valueWriter } from "../json/value_writer.ts";
import type { ValueWriter } from "../json/value_writer_type.ts";

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

/** @param types, mayBeOlder as in `RecordFormat.table` */
export function compileNativeTable(table: Table, types: readonly PgType[], mayBeOlder: boolean): NativeTable {
  // Columns of the same type share a writer, as a composite type's writer can be large.
  const writers = new Map([...new Set(types)].map((type) => [type, valueWriter(type, mayBeOlder)]));
  const names = table.columns.map(({ name }) => JSON.stringify(name));
  const place = `"schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.table)}`;
  const namePrefixes = names.map((name) => `,${name}:`);
  const keyPrefixes = prefixesOf(table.key, names);
  const identityPrefixes = prefixesOf(table.identityKey, names);
  const heads = OPERATIONS.map((op) => `{${place},"op":"${op}","ts_ms":`);
  const [source, ...bytes] = utf8All([
    `${place},"lsn":"`,
    ...heads,
    ...keyPrefixes,
    ...identityPrefixes,
    ...namePrefixes,
  ]);
  const take = (texts: readonly string[]) => bytes.splice(0, texts.length);
  return {
    source: source!,
    heads: new Map(take(heads).map((head, index) => [OPERATIONS[index]!, head])),
    keyPrefixes: take(keyPrefixes),
    identityPrefixes: take(identityPrefixes),
    namePrefixes: take(namePrefixes),
    writers: types.map((type) => writers.get(type)!),
    identity: table.columns.map((column) => column.isIdentity),
  };
}

function prefixesOf(key: KeyColumns | null, names: readonly string[]): readonly string[] {
  return (key ?? []).map((column, index) => `${index === 0 ? "{" : ","}${names[column]}:`);
}
