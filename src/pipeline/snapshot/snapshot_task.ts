// Keeps snapshots running: queues tables, answers requests and keeps the stream moving.

import type { Clock } from "../../core/clock.ts";
import { CaptureError, errorPolicy } from "../../core/errors.ts";
import type { Lsn } from "../../core/position.ts";
import type { TableName } from "../../core/table_name.ts";
import type { RecordFormat } from "../../decoder/formats/format.ts";
import type { CaptureEvents } from "../events.ts";
import type { Sink, SourceSession } from "../ports.ts";
import { runTogether } from "../tasks.ts";
import { answerRequests } from "./requests.ts";
import { RowPace } from "./row_pace.ts";
import { INITIAL, type SnapshotSettings } from "./snapshot_settings.ts";
import type { Snapshots } from "./snapshots.ts";
import { queuedState, type TableRun } from "./table_run.ts";
import { TableReading } from "./table_reading.ts";
import type { UnshownTransactions } from "./unshown_transactions.ts";

export interface SnapshotTaskParts {
  readonly snapshots: Snapshots;
  readonly settings: SnapshotSettings;
  readonly session: SourceSession;
  readonly sink: Pick<Sink, "readRequests">;
  readonly format: RecordFormat;
  readonly unshown: UnshownTransactions;
  readonly events: CaptureEvents;
  readonly clock: Clock;
  readonly isWalShort: () => boolean;
  /** Asks for a keepalive, so that the stream reaches this end of WAL. */
  readonly askFor: (walEnd: Lsn) => void;
  /** Called when all tables of the initial snapshot have ended. */
  readonly onSettled: () => void;
}

const IDLE_MS = 50;
const BORDER_POLL_MS = 3;
/** PostgreSQL may take a while to flush the WAL that the stream waits for. */
const FLUSH_AFTER_MS = 100;
const DISCOVER_MS = 5_000;
/** Looking for new tables takes at most 1/DISCOVER_SHARE of the time. */
const DISCOVER_SHARE = 50;
const REFUSED_RETRY_MS = 60_000;
const REQUESTS_MS = 500;

/** Runs until the signal aborts. @throws CaptureError; the signal's reason */
export async function runSnapshots(parts: SnapshotTaskParts, signal: AbortSignal): Promise<void> {
  const { settings, clock, session } = parts;
  const pace = new RowPace(settings.rowsPerSecond, clock);
  const readers = Array.from({ length: settings.readers }, () => session.openSnapshotReader());
  try {
    await runTogether([
      ...readers.map((reader) => (each: AbortSignal) =>
        readTables(parts, new TableReading({ ...parts, reader, pace }), each)
      ),
      (each) => learnUnshown(parts, each),
      (each) => moveOn(parts, each),
      ...(settings.mode === "never" ? [] : [(each: AbortSignal) => discover(parts, each)]),
      (each) => answerRequests({ ...parts, matches: settings.matches, pollMs: REQUESTS_MS }, each),
    ], signal);
  } finally {
    for (const reader of readers) reader.close();
  }
}

async function readTables(
  { snapshots, unshown, clock }: SnapshotTaskParts,
  reading: TableReading,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await snapshots.runs.whenOpen(signal);
    const run = unshown.isComplete ? snapshots.runs.take() : undefined;
    if (run === undefined) {
      await clock.sleep(BORDER_POLL_MS, signal);
      continue;
    }
    try {
      await reading.read(run, signal);
    } finally {
      run.isTaken = false;
    }
  }
}

/** Learns which transactions an earlier session may have streamed, before the first rows are read. */
async function learnUnshown(
  { snapshots, session, unshown, clock }: SnapshotTaskParts,
  signal: AbortSignal,
): Promise<void> {
  while (!unshown.isComplete) {
    await snapshots.runs.whenOpen(signal);
    await tolerant(async () => {
      snapshots.reached(await session.advanceWal(signal));
      const { visibility } = await session.readWal(signal);
      if (visibility !== null) unshown.suspect(visibility);
    }, signal);
    await clock.sleep(IDLE_MS, signal);
  }
}

/** Keeps the stream moving while rows wait for it to reach an end of WAL. */
async function moveOn(
  { snapshots, session, askFor, clock }: SnapshotTaskParts,
  signal: AbortSignal,
): Promise<void> {
  let streamedTo: Lsn | undefined;
  let since = 0;
  for (;;) {
    await snapshots.runs.whenOpen(signal);
    const awaited = snapshots.awaitedWalEnd;
    const now = clock.now();
    if (awaited === undefined || snapshots.streamedTo !== streamedTo) {
      ({ streamedTo } = snapshots);
      since = now;
    }
    if (awaited !== undefined) {
      askFor(awaited);
      // The stream may be waiting for WAL that is not flushed yet.
      if (now - since > FLUSH_AFTER_MS) {
        since = now;
        await tolerant(async () => snapshots.reached(await session.advanceWal(signal)), signal);
      }
    }
    await clock.sleep(BORDER_POLL_MS, signal);
  }
}

/** Queues each published table once. */
async function discover(parts: SnapshotTaskParts, signal: AbortSignal): Promise<void> {
  const { snapshots, settings, session, clock } = parts;
  for (;;) {
    const startedAt = clock.now();
    let isKnown = false;
    await tolerant(async () => {
      for (const { schema, table, oid } of await session.publishedNow(signal)) {
        if (settings.includes({ schema, table })) queue(parts, { schema, table }, oid);
      }
      isKnown = true;
    }, signal);
    const tookMs = clock.now() - startedAt;
    if (settings.mode === "only" && isKnown) {
      while (snapshots.runs.open.size > 0) await clock.sleep(IDLE_MS, signal);
      return parts.onSettled();
    }
    await clock.sleep(Math.max(DISCOVER_MS, DISCOVER_SHARE * tookMs), signal);
  }
}

function queue({ snapshots, clock, settings }: SnapshotTaskParts, table: TableName, oid: number): void {
  const run = snapshots.runs.of(table);
  const now = clock.wall();
  if (run === undefined || isOther(run, oid) || hadSomeRows(run)) {
    snapshots.runs.add(queuedState(table, INITIAL, null, now), false);
  } else if (run.status === "failed" && run.id === INITIAL) {
    const isDue = run.endedAtMs === 0 ||
      (settings.mode === "initial" && now - run.endedAtMs > REFUSED_RETRY_MS);
    if (isDue) snapshots.end(run, "queued", run.reason);
  }
}

/** Whether the snapshot was limited to the rows that meet a condition. */
function hadSomeRows({ isOpen, status, where, isWhole }: TableRun): boolean {
  return !isOpen && status !== "paused" && where !== null && !isWhole;
}

/** Whether the table was dropped and another one now has its name. */
function isOther({ tableOid, isOpen }: TableRun, oid: number): boolean {
  return !isOpen && tableOid !== 0 && tableOid !== oid;
}

/** Ignores transient failures; the next poll tries again. */
async function tolerant(act: () => Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await act();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CaptureError) || errorPolicy(error.kind).action === "stop") throw error;
  }
}
