// Turns a row message into the changes that it represents, with their rows and keys.

import type { Change } from "./change.ts";
import { newKey, oldKey } from "./change_key.ts";
import type { RowChange } from "./pgoutput/messages.ts";
import type { TupleColumns } from "./pgoutput/tuple.ts";
import type { Table } from "./table.ts";

/** Makes `change` a DELETE. For a key change, it is the DELETE of the old key. */
export function becomeDelete(change: Change, table: Table, row: RowChange, isKeyChange: boolean): void {
  change.operation = "DELETE";
  change.before = row.oldColumns;
  change.beforeIsKey = row.old === "key";
  change.after = change.fill = null;
  change.key.set(oldKey(table, row), row.oldColumns, null);
  change.isKeyChange = isKeyChange;
  if (isKeyChange) change.otherKey.set(newKey(table, row, row.oldColumns), row.newColumns, row.oldColumns);
  else change.otherKey.clear();
}

/** Makes `change` an INSERT or UPDATE. For a key change, it is the INSERT of the new key. */
export function becomeNew(
  change: Change,
  operation: "INSERT" | "UPDATE",
  table: Table,
  row: RowChange,
  isKeyChange: boolean,
): void {
  const old: TupleColumns | null = row.old === "none" || row.operation === "INSERT" ? null : row.oldColumns;
  change.operation = operation;
  change.before = isKeyChange ? null : old;
  change.beforeIsKey = row.old === "key";
  change.after = row.newColumns;
  // Only with REPLICA IDENTITY FULL does the old row contain the values omitted from the new row.
  change.fill = row.old === "full" ? old : null;
  change.key.set(newKey(table, row, old), row.newColumns, old);
  change.isKeyChange = isKeyChange;
  if (isKeyChange) change.otherKey.set(oldKey(table, row), row.oldColumns, null);
  else change.otherKey.clear();
}
