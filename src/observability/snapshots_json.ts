// The status page's data about snapshots, as JSON.

import { splitReason } from "../core/reason.ts";
import { rowsPerSecond } from "./row_rate.ts";
import type { ListedSnapshot, SnapshotsReading } from "./snapshot_counts.ts";

/** An ended snapshot is listed for this long. */
const ENDED_MS = 5 * 60_000;

/** Times in milliseconds since 1970. The result contains no keys, conditions or row values. */
export function snapshotsJson(reading: SnapshotsReading, atMs: number) {
  const { tables, open, rows, rowsExpected, rowsDelivered, rate, advancedAtMs, listed } = reading;
  const perSecond = open === 0 ? 0 : rowsPerSecond(rate, atMs);
  return {
    tables,
    open,
    rows,
    rowsExpected,
    rowsPerSecond: Math.round(perSecond),
    secondsLeft: secondsLeft(rows, rowsExpected, perSecond),
    rowsDelivered,
    advancedAtMs,
    listed: listed.filter((each) => !hasEnded(each) || atMs - each.updatedAtMs < ENDED_MS)
      .map((each) => listedJson(each, atMs)),
  };
}

function listedJson(listed: ListedSnapshot, atMs: number) {
  const { rate, reason, ...others } = listed;
  const { rows, rowsExpected, status } = listed;
  const isOpen = status === "queued" || status === "running";
  const perSecond = rate === null || !isOpen ? 0 : rowsPerSecond(rate, atMs);
  return {
    ...others,
    rowsPerSecond: Math.round(perSecond),
    secondsLeft: secondsLeft(rows, rowsExpected, perSecond),
    ...(reason === null ? { found: null, fix: null } : splitReason(reason)),
  };
}

function hasEnded({ status }: ListedSnapshot): boolean {
  return status === "complete" || status === "stopped";
}

/** Null if unknown: no estimate, at least as many rows as estimated, or no progress. */
function secondsLeft(rows: number, rowsExpected: number | null, perSecond: number): number | null {
  if (rowsExpected === null || rowsExpected <= rows || perSecond < 1) return null;
  return Math.round((rowsExpected - rows) / perSecond);
}
