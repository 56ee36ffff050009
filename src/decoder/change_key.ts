// Which columns are the key of a change's records, and whether a change is one of the key.

import type { RowChange } from "./pgoutput/messages.ts";
import type { KeyColumns, Table } from "./table.ts";
import { type TupleColumns, UNCHANGED_COLUMN } from "./pgoutput/tuple.ts";

/** The primary key, unless it is TOASTed, unchanged, and not in the replica identity that came along. */
export function newKey(table: Table, change: RowChange, old: TupleColumns | null): KeyColumns | null {
  if (table.key === table.identityKey || table.key === null) return table.key;
  const starts = change.newColumns.starts;
  const held = table.key.every((column) =>
    starts[column] !== UNCHANGED_COLUMN || (old?.starts[column] ?? -1) >= 0
  );
  return held ? table.key : table.identityKey;
}

/** The primary key where the old row that came holds it, else the replica identity. */
export function oldKey(table: Table, change: RowChange): KeyColumns | null {
  if (change.old === "full" || table.key === table.identityKey || table.key === null) return table.key;
  return table.key.every((column) => table.columns[column]!.isIdentity) ? table.key : table.identityKey;
}

/** Whether an update with an old row changes the key. @param bytes what the columns are positions in */
export function isKeyChanged(table: Table, change: RowChange, bytes: Uint8Array): boolean {
  const key = oldKey(table, change);
  return key !== null && key.some((column) => !isSameValue(change, column, bytes));
}

function isSameValue({ oldColumns, newColumns }: RowChange, column: number, bytes: Uint8Array): boolean {
  const newStart = newColumns.starts[column]!;
  const oldStart = oldColumns.starts[column]!;
  if (newStart === UNCHANGED_COLUMN) return true;
  if (newStart < 0 || oldStart < 0) return newStart === oldStart;
  const length = newColumns.ends[column]! - newStart;
  if (length !== oldColumns.ends[column]! - oldStart) return false;
  for (let index = 0; index < length; index++) {
    if (bytes[newStart + index] !== bytes[oldStart + index]) return false;
  }
  return true;
}
