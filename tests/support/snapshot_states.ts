// States of snapshots for tests.

import type { SnapshotState } from "../../src/core/snapshot_state.ts";

/** A snapshot of `public.{table}` that runs and has sent 10 of about 100 rows, but for what is given. */
export function snapshotState(table: string, given: Partial<SnapshotState> = {}): SnapshotState {
  return {
    schema: "public",
    table,
    id: "s-1",
    status: "running",
    where: null,
    tableOid: 16_384,
    keyColumns: ["id"],
    lastKey: ["10"],
    again: [],
    rows: 10,
    rowsExpected: 100,
    keyOrder: "",
    isWhole: false,
    reason: null,
    requestedAtMs: Date.UTC(2026, 10, 25, 0, 30, 15),
    startedAtMs: Date.UTC(2026, 10, 25, 0, 30, 16),
    updatedAtMs: Date.UTC(2026, 10, 25, 0, 30, 17),
    ...given,
  };
}

/** The initial snapshot of `public.{table}`, which is queued, but for what is given. */
export function queuedSnapshot(table: string, given: Partial<SnapshotState> = {}): SnapshotState {
  return snapshotState(table, {
    id: "initial",
    status: "queued",
    tableOid: 0,
    keyColumns: [],
    lastKey: null,
    rows: 0,
    rowsExpected: null,
    requestedAtMs: 0,
    startedAtMs: null,
    updatedAtMs: 0,
    ...given,
  });
}
