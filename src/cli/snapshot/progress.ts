// The combined progress of several tables' snapshots: figures, and a line for people.

import type { SnapshotState } from "../../core/snapshot_state.ts";
import { formatCount, formatSeconds } from "../check/units.ts";

/** The figures at one moment. */
export interface SnapshotProgress {
  readonly tables: number;
  readonly tablesOver: number;
  readonly rows: number;
  /** PostgreSQL's estimate; null if it is unknown for one of the tables. */
  readonly rowsExpected: number | null;
  /** Null until there are two moments to compare. */
  readonly rowsPerSecond: number | null;
}

/** The period that the rate is measured over. */
const RATE_MS = 10_000;

/** Keeps the moments needed to compute the rate. */
export class ProgressMeter {
  readonly #moments: { readonly atMs: number; readonly rows: number }[] = [];

  /** @param nowMs milliseconds since an arbitrary moment */
  measure(states: readonly SnapshotState[], tables: number, nowMs: number): SnapshotProgress {
    const rows = states.reduce((sum, state) => sum + state.rows, 0);
    this.#moments.push({ atMs: nowMs, rows });
    while (this.#moments.length > 2 && this.#moments[1]!.atMs <= nowMs - RATE_MS) this.#moments.shift();
    const first = this.#moments[0]!;
    const seconds = (nowMs - first.atMs) / 1000;
    return {
      tables,
      tablesOver: states.filter(isOver).length,
      rows,
      rowsExpected: states.length === tables ? expectedOf(states) : null,
      rowsPerSecond: seconds > 0 ? Math.max(0, (rows - first.rows) / seconds) : null,
    };
  }
}

/** Whether the snapshot has ended. */
export function isOver({ status }: SnapshotState): boolean {
  return status === "complete" || status === "failed" || status === "stopped";
}

function expectedOf(states: readonly SnapshotState[]): number | null {
  let sum = 0;
  for (const state of states) {
    if (isOver(state)) sum += state.rows;
    else if (state.rowsExpected === null) return null;
    else sum += Math.max(state.rows, state.rowsExpected);
  }
  return sum;
}

/** `1 of 3 tables, 120,000 of about 1,000,000 rows (12 %), 45,000 rows/s, 20 s left`. */
export function progressText(progress: SnapshotProgress): string {
  const { tables, tablesOver, rows, rowsExpected, rowsPerSecond } = progress;
  const parts: string[] = [];
  if (tables > 1) parts.push(`${tablesOver} of ${tables} tables`);
  const share = shareOf(progress);
  parts.push(
    rowsExpected === null || share === null
      ? `${formatCount(rows)} rows`
      : `${formatCount(rows)} of about ${formatCount(rowsExpected)} rows (${Math.floor(100 * share)} %)`,
  );
  if (rowsPerSecond !== null) parts.push(`${formatCount(Math.round(rowsPerSecond))} rows/s`);
  if (rowsExpected !== null && rowsPerSecond !== null && rowsPerSecond > 0 && rowsExpected > rows) {
    parts.push(`${formatSeconds(Math.max(1, (rowsExpected - rows) / rowsPerSecond))} left`);
  }
  return parts.join(", ");
}

const BAR_WIDTH_MAX = 30;
const BAR_WIDTH_MIN = 10;

/** The text, preceded by a bar if there is room. */
export function progressBar(progress: SnapshotProgress, columns: number): string {
  const text = progressText(progress);
  const share = shareOf(progress);
  const width = Math.min(BAR_WIDTH_MAX, columns - text.length - BRACKETS_WIDTH);
  if (share === null || width < BAR_WIDTH_MIN) return text.slice(0, Math.max(0, columns - 1));
  const filled = Math.floor(width * share);
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}] ${text}`;
}

/** Brackets, a space, and the last column, where a character would wrap the line. */
const BRACKETS_WIDTH = 4;

/** The share done, from 0 to 1; 1 only once all tables have ended; null if unknown. */
function shareOf({ tables, tablesOver, rows, rowsExpected }: SnapshotProgress): number | null {
  if (tablesOver === tables) return 1;
  return rowsExpected === null ? null : Math.min(0.99, rows / Math.max(1, rowsExpected));
}
