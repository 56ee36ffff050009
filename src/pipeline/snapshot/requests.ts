// Reads snapshot requests from the control topic and carries them out.

import type { Clock } from "../../core/clock.ts";
import { CaptureError, errorPolicy } from "../../core/errors.ts";
import { reasonOf } from "../../core/reason.ts";
import type { SnapshotRequest } from "../../core/snapshot_state.ts";
import type { TableName } from "../../core/table_name.ts";
import type { CaptureEvents } from "../events.ts";
import type { Sink, SourceSession } from "../ports.ts";
import type { Snapshots } from "./snapshots.ts";
import { queuedState, type TableRun } from "./table_run.ts";

export interface RequestsParts {
  readonly snapshots: Snapshots;
  readonly session: Pick<SourceSession, "publishedNow">;
  readonly sink: Pick<Sink, "readRequests">;
  /** Whether the pattern, as in PG_TABLES, matches the table. */
  readonly matches: (pattern: string, table: TableName) => boolean;
  readonly events: Pick<CaptureEvents, "snapshotRequested">;
  readonly clock: Clock;
  readonly pollMs: number;
}

const REFUSED_MS = 60_000;

/** Runs until the signal aborts. */
export async function answerRequests(parts: RequestsParts, signal: AbortSignal): Promise<void> {
  const { snapshots, sink, events, clock, pollMs } = parts;
  for (;;) {
    try {
      const requests = await sink.readRequests(snapshots.runs.requestsTaken, signal);
      for (const { offset, request, problem } of requests) {
        if (request !== undefined) await answer(parts, request, signal);
        if (request !== undefined || problem !== undefined) events.snapshotRequested(request, problem);
        snapshots.runs.requestsTakenUpTo(offset + 1n);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CaptureError)) throw error;
      // Delivery notices when Kafka is unreachable, and the stream when PostgreSQL is. A refusal concerns
      // only requests, so changes continue.
      if (errorPolicy(error.kind).action === "stop") {
        events.snapshotRequested(undefined, reasonOf(error));
        await clock.sleep(REFUSED_MS, signal);
      }
    }
    await clock.sleep(pollMs, signal);
  }
}

async function answer(parts: RequestsParts, request: SnapshotRequest, signal: AbortSignal): Promise<void> {
  const { snapshots, session, matches, clock } = parts;
  const isMeant = (table: TableName) =>
    request.tables.length === 0 || request.tables.some((pattern) => matches(pattern, table));
  if (request.kind === "start") {
    const now = clock.wall();
    for (const { schema, table } of await session.publishedNow(signal)) {
      const run = snapshots.runs.of({ schema, table });
      const isUnfinished = run !== undefined && (run.isOpen || run.status === "paused");
      // A request that was only partly handled before a kill is read again.
      if (!isMeant({ schema, table }) || isUnfinished || run?.id === request.id) continue;
      const state = queuedState({ schema, table }, request.id, request.where, now);
      snapshots.runs.add({ ...state, isWhole: run?.isWhole ?? false }, true);
    }
    return;
  }
  for (const run of snapshots.runs.all) {
    if (isMeant(run)) steer(snapshots, run, request.kind);
  }
}

function steer(snapshots: Snapshots, run: TableRun, kind: "pause" | "resume" | "stop"): void {
  switch (kind) {
    case "pause":
      if (run.isOpen) snapshots.end(run, "paused", null);
      return;
    case "resume":
      if (run.status === "paused") snapshots.end(run, "queued", null);
      return;
    case "stop":
      if (run.isOpen || run.status === "paused" || run.status === "failed") {
        snapshots.end(run, "stopped", null);
      }
      return;
  }
}
