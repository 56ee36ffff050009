// From a row message to the changes that it stands for: which of the rows that came is what, and under which key.

import type { Change } from "./change.ts";
import { newKey, oldKey } from "./change_key.ts";
import type { RowChange } from "./pgoutput/messages.ts";
import type { Table } from "./table.ts";

/** Makes `change` a DELETE; of a changed key, the one under the old key. */
export function becomeDelete(change: Change, table: Table, row: RowChange, isKeyChange: boolean): void {
  change.operation = "DELETE";
  change.before = row.oldColumns;
  change.beforeIsKey = row.old === "key";
  change.after = change.fill = null;
  change.key = oldKey(table, row);
  change.keyRow = row.oldColumns;
  change.keyFill = null;
  change.isKeyChange = isKeyChange;
}

/** Makes `change` an INSERT or UPDATE; of a changed key, the INSERT under the new key. */
export function becomeNew(
  change: Change,
  operation: "INSERT" | "UPDATE",
  table: Table,
  row: RowChange,
  isKeyChange: boolean,
): void {
  const old = row.old === "none" || row.operation === "INSERT" ? null : row.oldColumns;
  change.operation = operation;
  change.before = isKeyChange ? null : old;
  change.beforeIsKey = row.old === "key";
  change.after = row.newColumns;
  // Under REPLICA IDENTITY FULL the old row brings the values that the new one left out.
  change.fill = row.old === "full" ? old : null;
  change.key = newKey(table, row, old);
  change.keyRow = row.newColumns;
  change.keyFill = old;
  change.isKeyChange = isKeyChange;
}
