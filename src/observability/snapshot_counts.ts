// The progress of all tables' snapshots, for metrics, status line and page.

import type { SnapshotState, SnapshotStatus } from "../core/snapshot_state.ts";
import { type TableName, tableText } from "../core/table_name.ts";
import { RowRate, type RowRateReading } from "./row_rate.ts";

/** The number of tables listed; the others are only counted. */
const LISTED_MAX = 50;
/** The number of ended snapshots kept for the list. */
const ENDED_MAX = 20;

/** One table's snapshot. All times in milliseconds since 1970. */
export interface ListedSnapshot {
  readonly schema: string;
  readonly table: string;
  readonly id: string;
  readonly status: SnapshotStatus;
  /** The number of rows in Kafka. */
  readonly rows: number;
  /** PostgreSQL's estimate; null if it has none, or before the first row. */
  readonly rowsExpected: number | null;
  /** Null before the first row. */
  readonly rate: RowRateReading | null;
  /** Why it failed or is waiting; null if neither. */
  readonly reason: string | null;
  readonly startedAtMs: number | null;
  readonly updatedAtMs: number;
}

/** All snapshots at one moment. */
export interface SnapshotsReading {
  /**
   * The number of tables by the status of their last snapshot; null if unknown, that is, before the first
   * session and while another instance holds the slot.
   */
  readonly tables: Readonly<Record<SnapshotStatus, number>> | null;
  /** The number of tables whose snapshot is queued or running. */
  readonly open: number;
  /** The number of rows in Kafka of the snapshots that have not ended: queued, running or paused. */
  readonly rows: number;
  /** PostgreSQL's estimate of all rows of these snapshots; null if it is unknown for one of them. */
  readonly rowsExpected: number | null;
  /** Rows delivered since the process started. */
  readonly rowsDelivered: number;
  readonly rate: RowRateReading;
  /**
   * When rows were last delivered, a snapshot became complete, or the first one was queued, in milliseconds
   * since 1970; null if none is open.
   */
  readonly advancedAtMs: number | null;
  /** Some of the snapshots that have not ended, that failed, or that ended recently, in this order. */
  readonly listed: readonly ListedSnapshot[];
}

/** A snapshot that has not ended, or that failed. */
interface Entry {
  readonly state: SnapshotState;
  readonly rate: RowRate | null;
  /** Why it can't continue for now. */
  waits: string | null;
}

/** Follows the events about snapshots. It keeps no keys, and for finished tables only their names. */
export class SnapshotCounts {
  /** The status of each table's last snapshot. */
  readonly #statuses = new Map<string, SnapshotStatus>();
  readonly #tables = noTables();
  #isKnown = false;
  readonly #entries = new Map<string, Entry>();
  readonly #ended: ListedSnapshot[] = [];
  #rows = 0;
  #rowsExpected = 0;
  /** The number of snapshots that have not ended and have no estimate. */
  #unestimated = 0;
  #rowsDelivered = 0;
  #rate = new RowRate(0, 0);
  #advancedAtMs: number | null = null;

  /** Called when a session begins. */
  found(states: readonly SnapshotState[], atMs: number): void {
    const advancedAtMs = this.#advancedAtMs;
    this.forget();
    this.#isKnown = true;
    for (const state of states) {
      this.#set(state, state.startedAtMs === null ? null : new RowRate(state.rows, atMs));
    }
    if (this.#open > 0) this.#advancedAtMs = advancedAtMs ?? atMs;
    this.#rate = new RowRate(this.#rowsDelivered, atMs);
  }

  /** Called when another instance holds the slot. */
  forget(): void {
    this.#statuses.clear();
    Object.assign(this.#tables, noTables());
    this.#isKnown = false;
    this.#entries.clear();
    this.#ended.length = 0;
    this.#rows = this.#rowsExpected = this.#unestimated = 0;
    this.#advancedAtMs = null;
  }

  /** A complete or stopped snapshot counts as such only once that state is delivered, as do its rows. */
  changed(state: SnapshotState): void {
    if (state.status === "complete" || state.status === "stopped") return;
    const known = this.#entries.get(tableText(state));
    if (known?.state.id === state.id) this.#set({ ...state, rows: known.state.rows }, known.rate);
    else this.#set(state, null);
    this.#advancedAtMs = this.#open > 0 ? this.#advancedAtMs ?? state.updatedAtMs : null;
  }

  delivered(state: SnapshotState): void {
    const key = tableText(state);
    const known = this.#entries.get(key);
    // Another snapshot of the table was queued in the meantime.
    if (known !== undefined && known.state.id !== state.id) return;
    // A state of an ended snapshot that is delivered again was counted before.
    const before = known?.state.rows ?? (this.#statuses.has(key) ? state.rows : 0);
    // A table without a key starts over if it was interrupted.
    const delivered = state.rows < before ? state.rows : state.rows - before;
    this.#rowsDelivered += delivered;
    this.#rate.take(this.#rowsDelivered, state.updatedAtMs);
    const rate = known?.rate ?? (state.startedAtMs === null ? null : new RowRate(before, state.startedAtMs));
    rate?.take(state.rows, state.updatedAtMs);
    const stillWaits = delivered === 0 && known?.state.status === state.status;
    this.#set(state, rate, stillWaits ? known.waits : null);
    const hasAdvanced = delivered > 0 || state.status === "complete";
    if (this.#open === 0) this.#advancedAtMs = null;
    else if (hasAdvanced) this.#advancedAtMs = state.updatedAtMs;
  }

  waits(table: TableName, reason: string): void {
    const known = this.#entries.get(tableText(table));
    if (known !== undefined) known.waits = reason;
  }

  read(): SnapshotsReading {
    return {
      tables: this.#isKnown ? { ...this.#tables } : null,
      open: this.#open,
      rows: this.#rows,
      rowsExpected: this.#unestimated > 0 ? null : this.#rowsExpected,
      rowsDelivered: this.#rowsDelivered,
      rate: this.#rate.read(),
      advancedAtMs: this.#advancedAtMs,
      listed: this.#listed(),
    };
  }

  get #open(): number {
    return this.#tables.queued + this.#tables.running;
  }

  #set(state: SnapshotState, rate: RowRate | null, waits: string | null = null): void {
    const key = tableText(state);
    const before = this.#statuses.get(key);
    if (before !== undefined) this.#tables[before]--;
    this.#tables[state.status]++;
    this.#statuses.set(key, state.status);
    const known = this.#entries.get(key);
    if (known !== undefined) this.#sum(known.state, -1);
    this.#sum(state, 1);
    const entry = { state: withoutKeys(state), rate, waits };
    if (state.status === "complete" || state.status === "stopped") {
      this.#entries.delete(key);
      if (known !== undefined) this.#keepEnded(entry);
    } else this.#entries.set(key, entry);
  }

  #sum({ status, rows, rowsExpected }: SnapshotState, sign: 1 | -1): void {
    if (status !== "queued" && status !== "running" && status !== "paused") return;
    this.#rows += sign * rows;
    if (rowsExpected === null) this.#unestimated += sign;
    else this.#rowsExpected += sign * rowsExpected;
  }

  #keepEnded(entry: Entry): void {
    this.#ended.push(listedOf(entry));
    if (this.#ended.length > ENDED_MAX) this.#ended.shift();
  }

  #listed(): readonly ListedSnapshot[] {
    const found: Record<"running" | "failed" | "paused" | "queued", Entry[]> = {
      running: [],
      failed: [],
      paused: [],
      queued: [],
    };
    for (const entry of this.#entries.values()) {
      const { status } = entry.state;
      if (status === "complete" || status === "stopped") continue;
      // A queued snapshot that is waiting or has rows is more informative than one that has not begun.
      const isBegun = status === "queued" && (entry.waits !== null || entry.state.rows > 0);
      const list = found[isBegun ? "running" : status];
      if (list.length < LISTED_MAX) list.push(entry);
    }
    const { running, failed, paused, queued } = found;
    const unended = [...running, ...failed, ...paused, ...queued].slice(0, LISTED_MAX).map(listedOf);
    return [...unended, ...this.#ended.toReversed()];
  }
}

function listedOf({ state, rate, waits }: Entry): ListedSnapshot {
  const { schema, table, id, status, rows, rowsExpected, reason, startedAtMs, updatedAtMs } = state;
  return {
    ...{ schema, table, id, status, rows, rowsExpected, startedAtMs, updatedAtMs },
    rate: rate?.read() ?? null,
    reason: waits ?? reason,
  };
}

/** Drops the keys, which can be large and are not shown anywhere. */
function withoutKeys(state: SnapshotState): SnapshotState {
  return state.lastKey === null && state.again.length === 0
    ? state
    : { ...state, lastKey: null, again: NONE };
}

const NONE: readonly never[] = [];

function noTables(): Record<SnapshotStatus, number> {
  return { queued: 0, running: 0, paused: 0, complete: 0, stopped: 0, failed: 0 };
}
