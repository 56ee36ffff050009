// A snapshot before its first row, for tests of what is made of states.

import type { SnapshotState } from "../../src/core/snapshot_state.ts";

/** The initial snapshot of `public.{table}`, which is queued, but for what is given. */
export function queuedSnapshot(table: string, given: Partial<SnapshotState> = {}): SnapshotState {
  return {
    schema: "public",
    table,
    id: "initial",
    status: "queued",
    where: null,
    tableOid: 0,
    keyColumns: [],
    lastKey: null,
    again: [],
    rows: 0,
    rowsExpected: null,
    keyOrder: "",
    isWhole: false,
    reason: null,
    requestedAtMs: 0,
    startedAtMs: null,
    updatedAtMs: 0,
    ...given,
  };
}
