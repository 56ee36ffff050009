// Which columns are the key of a change's records, and whether a change is one of the key.

import type { RowChange } from "./pgoutput.ts";
import type { KeyPlan, RelationPlan } from "./relation_plan.ts";
import { type TupleColumns, UNCHANGED_COLUMN } from "./tuple.ts";

/** The primary key, unless it is TOASTed, unchanged, and not in the replica identity that came along. */
export function newKey(plan: RelationPlan, change: RowChange, old: TupleColumns | null): KeyPlan | null {
  if (plan.key === plan.identityKey || plan.key === null) return plan.key;
  const starts = change.newColumns.starts;
  const held = plan.key.columns.every((column) =>
    starts[column] !== UNCHANGED_COLUMN || (old?.starts[column] ?? -1) >= 0
  );
  return held ? plan.key : plan.identityKey;
}

/** The primary key where the old row that came holds it, else the replica identity. */
export function oldKey(plan: RelationPlan, change: RowChange): KeyPlan | null {
  if (change.old === "full" || plan.key === plan.identityKey || plan.key === null) return plan.key;
  return plan.key.columns.every((column) => plan.identity[column]) ? plan.key : plan.identityKey;
}

/** Whether an update with an old row changes the key. @param bytes what the columns are positions in */
export function isKeyChanged(plan: RelationPlan, change: RowChange, bytes: Uint8Array): boolean {
  const key = oldKey(plan, change);
  return key !== null && key.columns.some((column) => !isSameValue(change, column, bytes));
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
