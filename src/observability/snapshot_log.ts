// Logs the events of snapshots: one line each for few tables, a summary for many.

import { splitReason } from "../core/reason.ts";
import type { SnapshotRequest, SnapshotState } from "../core/snapshot_state.ts";
import { type TableName, tableText } from "../core/table_name.ts";
import type { LogFields, Logger } from "./logger.ts";

/** The number of lines of a kind logged one by one in a period; further ones are summed up at its end. */
const LINES_MAX = 5;
const PERIOD_MS = 10_000;
/** The shortest time between two lines about the same waiting table. */
const WAITS_EVERY_MS = 30_000;
/** The number of characters logged of a request's patterns. */
const PATTERNS_LENGTH_MAX = 200;

type LineKind = keyof typeof LINES;

/** The text of a line for one table and for several. */
const LINES = {
  began: { level: "info", one: "Snapshot started", many: "Snapshots started" },
  complete: { level: "info", one: "Snapshot complete", many: "Snapshots complete" },
  paused: { level: "info", one: "Snapshot paused", many: "Snapshots paused" },
  resumed: { level: "info", one: "Snapshot resumed", many: "Snapshots resumed" },
  stopped: { level: "info", one: "Snapshot stopped", many: "Snapshots stopped" },
  failed: {
    level: "warn",
    one: "The snapshot of a table failed",
    many: "The snapshots of several tables failed",
  },
  taken: { level: "info", one: "Snapshot request accepted", many: "Snapshot requests accepted" },
  refused: {
    level: "warn",
    one: "Rejected a snapshot request",
    many: "Rejected several snapshot requests",
  },
} as const;

/** The lines of one kind in the current period, and those held back. */
interface Period {
  readonly fromMs: number;
  lines: number;
  held: number;
  rows: number;
  /** The reason of the first line held back. */
  reason: LogFields;
}

/** A snapshot that has not ended. */
interface Known {
  readonly id: string;
  stage: "queued" | "begun" | "paused";
  /** Whether its start was logged on a separate line; its end is then, too. */
  isSaid: boolean;
  /** Why an earlier attempt failed. */
  readonly failedBefore: string | null;
  waitsSaidAtMs: number | undefined;
}

export class SnapshotLog {
  readonly #logger: Pick<Logger, "warn" | "info">;
  readonly #now: () => number;
  readonly #periods = new Map<LineKind, Period>();
  readonly #known = new Map<string, Known>();
  #areFailuresSaid = false;
  /** The snapshots ended since none was last open. */
  #ended = { complete: 0, failed: 0, stopped: 0, rows: 0 };

  /** @param now milliseconds since an arbitrary moment */
  constructor(logger: Pick<Logger, "warn" | "info">, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Called when a session begins. */
  found(states: readonly SnapshotState[]): void {
    this.#known.clear();
    let open = 0;
    let rows = 0;
    for (const state of states) {
      if (state.status === "complete" || state.status === "stopped") continue;
      if (state.status === "failed") {
        if (!this.#areFailuresSaid) this.#failed(state);
        continue;
      }
      if (state.status === "paused") {
        this.#know(state, "paused", null);
        continue;
      }
      this.#know(state, state.startedAtMs === null ? "queued" : "begun", null);
      open++;
      rows += state.rows;
    }
    this.#areFailuresSaid = true;
    if (open > 0) this.#logger.info("Snapshots in progress", { tables: open, rows });
  }

  /** A complete or stopped snapshot is logged only once that state is delivered. */
  changed(state: SnapshotState): void {
    const known = this.#known.get(tableText(state));
    switch (state.status) {
      case "queued":
        if (known?.stage === "paused" && known.id === state.id) {
          this.#say("resumed", tableFields(state), state.rows);
        }
        this.#know(state, state.startedAtMs === null ? "queued" : "begun", state.reason);
        return;
      case "paused":
        this.#say("paused", tableFields(state), state.rows);
        this.#know(state, "paused", null);
        return;
      case "failed":
        if (known?.failedBefore !== state.reason) {
          this.#failed(state);
          this.#ended.failed++;
          this.#ended.rows += state.rows;
        }
        this.#forget(state);
        return;
      case "running":
      case "complete":
      case "stopped":
        return;
    }
  }

  delivered(state: SnapshotState): void {
    const known = this.#known.get(tableText(state));
    if (known?.id !== state.id) return;
    const { status } = state;
    if (status === "running" && known.stage === "queued") {
      known.stage = "begun";
      const fields = { ...tableFields(state), rows_expected: state.rowsExpected ?? undefined };
      known.isSaid = this.#say("began", fields, 0);
    }
    if (status === "complete" || status === "stopped") {
      const fields = { ...tableFields(state), ...(status === "complete" ? durationFields(state) : {}) };
      this.#say(status, fields, state.rows, known.isSaid);
      this.#ended[status]++;
      this.#ended.rows += state.rows;
      this.#forget(state);
    }
  }

  waits(table: TableName, reason: string): void {
    const known = this.#known.get(tableText(table));
    const now = this.#now();
    if (known?.waitsSaidAtMs !== undefined && now - known.waitsSaidAtMs < WAITS_EVERY_MS) return;
    if (known !== undefined) known.waitsSaidAtMs = now;
    this.#logger.warn("A table's snapshot is waiting", { table: nameOf(table), ...reasonFields(reason) });
  }

  requested(request: SnapshotRequest | undefined, problem: string | undefined): void {
    const asked = request === undefined ? {} : requestFields(request);
    if (problem === undefined) this.#say("taken", asked, 0);
    else this.#say("refused", { ...asked, ...reasonFields(problem) }, 0);
  }

  /** Logs the lines held back, if their period is over. */
  report(): void {
    const now = this.#now();
    for (const [kind, { fromMs }] of this.#periods) {
      if (now - fromMs >= PERIOD_MS) this.#endPeriod(kind);
    }
  }

  /** Logs the lines held back. */
  flush(): void {
    for (const kind of this.#periods.keys()) this.#endPeriod(kind);
  }

  #know(state: SnapshotState, stage: Known["stage"], failedBefore: string | null): void {
    const said = { isSaid: stage === "begun", waitsSaidAtMs: undefined };
    this.#known.set(tableText(state), { id: state.id, stage, failedBefore, ...said });
  }

  #failed(state: SnapshotState): void {
    this.#say("failed", { ...tableFields(state), ...reasonFields(state.reason ?? "unknown") }, state.rows);
  }

  /** Forgets a snapshot that has ended. */
  #forget(state: SnapshotState): void {
    this.#known.delete(tableText(state));
    const { complete, failed, stopped, rows } = this.#ended;
    if (complete + failed + stopped === 0 || this.#known.size > 0) return;
    this.#ended = { complete: 0, failed: 0, stopped: 0, rows: 0 };
    // A single one has its own line.
    if (complete + failed + stopped === 1) return;
    this.flush();
    this.#logger.info("All snapshots have ended", { complete, failed, stopped, rows });
  }

  /** @returns whether it was logged on its own line; otherwise it is held back for the summary */
  #say(kind: LineKind, fields: LogFields, rows: number, isAlone = false): boolean {
    const now = this.#now();
    let period = this.#periods.get(kind);
    if (period === undefined || now - period.fromMs >= PERIOD_MS) {
      this.#endPeriod(kind);
      period = { fromMs: now, lines: 0, held: 0, rows: 0, reason: {} };
      this.#periods.set(kind, period);
    }
    if (isAlone || period.lines < LINES_MAX) {
      period.lines++;
      this.#logger[LINES[kind].level](LINES[kind].one, fields);
      return true;
    }
    if (period.held === 0) {
      const { found, fix } = fields;
      period.reason = { found, fix };
    }
    period.held++;
    period.rows += rows;
    return false;
  }

  #endPeriod(kind: LineKind): void {
    const period = this.#periods.get(kind);
    this.#periods.delete(kind);
    if (period === undefined || period.held === 0) return;
    const { level, many } = LINES[kind];
    const { held, rows, reason } = period;
    const isRequest = kind === "taken" || kind === "refused";
    const counts = isRequest
      ? { requests: held }
      : { tables: held, rows: kind === "began" ? undefined : rows };
    this.#logger[level](many, { ...counts, ...reason });
  }
}

function tableFields(state: SnapshotState): LogFields {
  return {
    table: nameOf(state),
    snapshot: state.id,
    rows: state.startedAtMs === null ? undefined : state.rows,
  };
}

function nameOf({ schema, table }: TableName): string {
  return `${schema}.${table}`;
}

function durationFields({ rows, startedAtMs, updatedAtMs }: SnapshotState): LogFields {
  if (startedAtMs === null) return {};
  const ms = Math.max(1, updatedAtMs - startedAtMs);
  return { seconds: Math.round(ms / 10) / 100, rows_per_second: Math.round(rows * 1000 / ms) };
}

function reasonFields(reason: string): LogFields {
  const { found, fix } = splitReason(reason);
  return { found, fix: fix ?? undefined };
}

/** The condition is not logged, because it can contain values of rows. */
function requestFields(request: SnapshotRequest): LogFields {
  const { kind, tables } = request;
  const patterns = tables.join(", ");
  const shown = patterns.slice(0, PATTERNS_LENGTH_MAX);
  return {
    request: kind,
    tables: patterns === "" ? "all" : shown === patterns ? shown : `${shown}...`,
    ...(request.kind === "start"
      ? { snapshot: request.id, has_condition: request.where !== null || undefined }
      : {}),
  };
}
