// Lists the last snapshot of each table, as a text table and as JSON.

import type { SnapshotState, SnapshotStatus } from "../../core/snapshot_state.ts";
import { escapeControls } from "../../observability/escape.ts";
import { formatCount } from "../check/units.ts";
import type { Style } from "../style.ts";
import { tableAsPattern } from "./target.ts";

/** Sorts by the tables' names. */
export function sortedByTable(states: readonly SnapshotState[]): readonly SnapshotState[] {
  return states.toSorted((a, b) => compare(a.schema, b.schema) || compare(a.table, b.table));
}

/**
 * Formats lines for people: a header and one line per table.
 * @param columnsMax the terminal's width; undefined for no limit
 */
export function formatSnapshots(
  states: readonly SnapshotState[],
  style: Style,
  columnsMax: number | undefined,
): string {
  const rows = states.map(cellsOf);
  const widths = HEADER.map((header, column) =>
    Math.max(...[HEADER, ...rows].map((cells) => cells[column]!.length), header.length)
  );
  const line = (cells: readonly string[]) => {
    const text = cells.map((cell, column) =>
      IS_NUMBER.has(HEADER[column]!) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd();
    return columnsMax !== undefined && text.length > columnsMax
      ? `${text.slice(0, columnsMax - 3)}...`
      : text;
  };
  const lines = rows.map((cells, index) => colorOf(states[index]!.status, style)(line(cells)));
  return [style.strong(line(HEADER)), ...lines].map((text) => `${text}\n`).join("");
}

/** The snapshot as printed with `--json`. */
export function snapshotJson(state: SnapshotState) {
  const { schema, table, id, status, where, rows, rowsExpected, reason } = state;
  return {
    schema,
    table,
    id,
    status,
    where,
    rows,
    rowsExpected,
    percent: percentOf(state),
    requestedAt: timeText(state.requestedAtMs),
    startedAt: state.startedAtMs === null ? null : timeText(state.startedAtMs),
    updatedAt: timeText(state.updatedAtMs),
    reason,
  };
}

/**
 * The percentage of PostgreSQL's estimate that is sent; null if there is no estimate. Below 100 until all
 * rows are sent.
 */
export function percentOf({ status, rows, rowsExpected }: SnapshotState): number | null {
  if (status === "complete") return 100;
  if (rowsExpected === null) return null;
  return Math.min(99, Math.floor(100 * rows / Math.max(1, rowsExpected)));
}

/** `120,000 of about 1,000,000 rows (12 %)`. */
export function rowsText(state: SnapshotState): string {
  const { rows, rowsExpected } = state;
  const percent = percentOf(state);
  if (rowsExpected === null || percent === null) return `${formatCount(rows)} rows`;
  return `${formatCount(rows)} of about ${formatCount(rowsExpected)} rows (${percent} %)`;
}

const HEADER = ["table", "status", "rows", "of about", "percent", "id", "started", "reason"] as const;
const IS_NUMBER: ReadonlySet<string> = new Set(["rows", "of about", "percent"]);

function cellsOf(state: SnapshotState): readonly string[] {
  const { status, rows, rowsExpected, id, startedAtMs, reason } = state;
  const percent = percentOf(state);
  return [
    tableAsPattern(state),
    status,
    formatCount(rows),
    rowsExpected === null ? "" : formatCount(rowsExpected),
    percent === null ? "" : `${percent} %`,
    id,
    startedAtMs === null ? "" : timeText(startedAtMs),
    reason ?? "",
  ].map(escapeControls);
}

function colorOf(status: SnapshotStatus, style: Style): (text: string) => string {
  if (status === "complete") return style.good;
  if (status === "failed") return style.bad;
  return status === "paused" || status === "stopped" ? style.warning : (text) => text;
}

/** `2026-11-25T00:30:15Z`. */
function timeText(timeMs: number): string {
  const time = new Date(timeMs);
  return Number.isNaN(time.getTime()) ? "" : `${time.toISOString().slice(0, 19)}Z`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
