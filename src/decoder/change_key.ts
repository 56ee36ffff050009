// Chooses the key of a record, and determines whether an UPDATE changes it.

import type { RowChange } from "./pgoutput/messages.ts";
import type { KeyColumns, Table } from "./table.ts";
import { type TupleColumns, UNCHANGED_COLUMN } from "./pgoutput/tuple.ts";

/**
 * The key of a new row: the primary key, or the replica identity if unchanged TOASTed columns of the former
 * were not sent.
 */
export function newKey(table: Table, change: RowChange, old: TupleColumns | null): KeyColumns | null {
  if (table.key === table.identityKey || table.key === null) return table.key;
  const starts = change.newColumns.starts;
  const held = table.key.every((column) =>
    starts[column] !== UNCHANGED_COLUMN || (old?.starts[column] ?? -1) >= 0
  );
  return held ? table.key : table.identityKey;
}

/** The key of an old row: the primary key if that row has it, otherwise the replica identity. */
export function oldKey(table: Table, change: RowChange): KeyColumns | null {
  if (change.old === "full" || table.key === table.identityKey || table.key === null) return table.key;
  return table.key.every((column) => table.columns[column]!.isIdentity) ? table.key : table.identityKey;
}

/**
 * Whether an UPDATE with an old row changes the key.
 * @param bytes the message, in which the columns are positions
 */
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
