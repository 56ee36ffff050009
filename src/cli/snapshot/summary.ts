// A summary of a source's snapshots, for `pg-capture status`.

import type { SnapshotState, SnapshotStatus } from "../../core/snapshot_state.ts";
import { rowsText, snapshotJson, sortedByTable } from "./list.ts";
import { tableAsPattern } from "./target.ts";

const STATUSES: readonly SnapshotStatus[] = ["running", "queued", "paused", "failed", "stopped", "complete"];

/** Counts by status, and each running or failed snapshot. */
export function summaryJson(states: readonly SnapshotState[]) {
  const counts = STATUSES.map((status) => [status, count(states, status)] as const);
  return {
    ...Object.fromEntries(counts) as Readonly<Record<SnapshotStatus, number>>,
    tables: notable(states).map(snapshotJson),
  };
}

/** `1 running, 2 complete`, and a line for each running or failed snapshot. */
export function summaryLines(states: readonly SnapshotState[]): readonly string[] {
  const counts = STATUSES.flatMap((status) => {
    const number = count(states, status);
    return number === 0 ? [] : [`${number} ${status}`];
  });
  const tables = notable(states);
  const more = tables.length - SHOWN_MAX;
  return [
    counts.join(", "),
    ...tables.slice(0, SHOWN_MAX).map(lineOf),
    ...(more > 0 ? [`and ${more} more: pg-capture snapshot --list`] : []),
  ];
}

const SHOWN_MAX = 10;

function lineOf(state: SnapshotState): string {
  const table = tableAsPattern(state);
  return state.status === "failed"
    ? `${table} failed: ${state.reason ?? "unknown"}`
    : `${table}: ${rowsText(state)}`;
}

function notable(states: readonly SnapshotState[]): readonly SnapshotState[] {
  return sortedByTable(states.filter(({ status }) => status === "running" || status === "failed"));
}

function count(states: readonly SnapshotState[], status: SnapshotStatus): number {
  return states.filter((state) => state.status === status).length;
}
