// Waits until pg-capture has handled a request and the snapshots of its tables have ended.

import type { Clock } from "../../core/clock.ts";
import { CaptureError, errorPolicy } from "../../core/errors.ts";
import type { SnapshotLedger, SnapshotState } from "../../core/snapshot_state.ts";
import type { TableName } from "../../core/table_name.ts";
import type { SnapshotDisplay } from "./display.ts";
import { isOver, ProgressMeter } from "./progress.ts";
import { tableAsPattern } from "./target.ts";

/** A request that was sent. */
export interface SentRequest {
  readonly id: string;
  readonly offset: bigint;
  readonly tables: readonly TableName[];
  /** The delivered states of snapshots before the request was sent. */
  readonly before: SnapshotLedger;
}

export interface WaitParts {
  /** @throws CaptureError; it is called again if a retry can help */
  readonly read: (signal: AbortSignal) => Promise<SnapshotLedger>;
  readonly display: SnapshotDisplay;
  readonly clock: Pick<Clock, "now" | "sleep">;
}

/** The result of the wait. */
export interface WaitOutcome {
  /** The states, all of ended snapshots. */
  readonly states: readonly SnapshotState[];
  /** Tables for which no snapshot was started. */
  readonly absent: readonly TableName[];
}

const POLL_MS = 500;
const UNTAKEN_MS = 10_000;
/** Kafka may be restarted in the meantime. */
const OUTAGE_MS_MAX = 300_000;

/**
 * If a table's earlier snapshot had not ended, this waits for that one instead of a new one.
 * @throws CaptureError if Kafka can't be read for 5 minutes, or rejects it; the signal's reason if it aborts
 */
export async function waitForSnapshots(
  sent: SentRequest,
  parts: WaitParts,
  signal: AbortSignal,
): Promise<WaitOutcome> {
  const { display, clock } = parts;
  const meter = new ProgressMeter();
  const sentAtMs = clock.now();
  const told = new Set<string>();
  const tellOnce = (text: string) => {
    if (!told.has(text)) display.note(text);
    told.add(text);
  };
  try {
    for (;;) {
      const ledger = await readPatiently(parts, tellOnce, signal);
      const isTaken = ledger.requestsTaken !== null && ledger.requestsTaken > sent.offset;
      const states = isTaken ? countingStates(sent, ledger) : [];
      if (isTaken && states.every(isOver)) return { states, absent: absentTables(sent, states) };
      if (isTaken) display.progress(meter.measure(states, sent.tables.length, clock.now()));
      else if (clock.now() - sentAtMs > UNTAKEN_MS) tellOnce(UNTAKEN);
      for (const state of states.filter(({ status }) => status === "paused")) tellOnce(pausedText(state));
      await clock.sleep(POLL_MS, signal);
    }
  } finally {
    display.end();
  }
}

const UNTAKEN =
  "pg-capture has not picked up the request yet. Is it running with this slot and topic prefix?";

function pausedText(state: SnapshotState): string {
  const table = tableAsPattern(state);
  return `The snapshot of ${table} is paused; to resume it: pg-capture snapshot --resume ${table}`;
}

/**
 * The states that show the progress of the request: those of its tables, unless they are older than the
 * request.
 */
function countingStates(
  { id, tables, before }: SentRequest,
  { states }: SnapshotLedger,
): readonly SnapshotState[] {
  const wanted = new Set(tables.map(tableAsPattern));
  const earlier = new Map(before.states.map((state) => [tableAsPattern(state), state]));
  return states.filter((state) => {
    const table = tableAsPattern(state);
    if (!wanted.has(table)) return false;
    const last = earlier.get(table);
    return state.id === id || !isOver(state) || last === undefined || last.id !== state.id || !isOver(last);
  });
}

function absentTables({ tables }: SentRequest, states: readonly SnapshotState[]): readonly TableName[] {
  const known = new Set(states.map(tableAsPattern));
  return tables.filter((table) => !known.has(tableAsPattern(table)));
}

async function readPatiently(
  { read, clock }: WaitParts,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<SnapshotLedger> {
  for (const startedAtMs = clock.now();;) {
    try {
      return await read(signal);
    } catch (error) {
      signal.throwIfAborted();
      const mayPass = error instanceof CaptureError && errorPolicy(error.kind).action === "retry";
      if (!mayPass || clock.now() - startedAtMs > OUTAGE_MS_MAX) throw error;
      tell(`${error.message}; retrying`);
      await clock.sleep(POLL_MS, signal);
    }
  }
}
