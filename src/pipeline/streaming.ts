// The tasks that stream, side by side, from a known position until they are drained or one fails.

import { CaptureError } from "../core/errors.ts";
import { Batcher } from "./batcher.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import { checkpoint, type CheckpointingParts } from "./checkpointing.ts";
import { Deduplicator } from "./deduplicator.ts";
import { deliver } from "./delivery.ts";
import type { Feedback } from "./feedback.ts";
import { Intake } from "./intake.ts";
import { reportCheckpoint } from "./opening.ts";
import type { Lsn, Position, Progress, SourceIdentity } from "../core/position.ts";
import type { Resumption } from "./reconcile.ts";
import type { ReplicationStream, Sink, SourceSession } from "./ports.ts";
import { ProgressTracker } from "./progress_tracker.ts";
import type { TableName } from "./tables_ahead.ts";
import { runTogether } from "./tasks.ts";
import { Wakeup } from "../core/wait.ts";
import { WalEndGate } from "./wal_end_gate.ts";
import { type ServerWatch, watchRoutes, watchTypes } from "./watching.ts";

/** The stream of a slot that is held, and who keeps it alive. */
export interface HeldStream {
  readonly session: SourceSession;
  readonly stream: ReplicationStream;
  readonly identity: SourceIdentity;
  readonly feedback: Feedback;
  readonly watch: ServerWatch;
}

// The server's last answer to the last confirmation is waited for this long.
const FINISH_MS = 2_000;

/**
 * The tasks, until `stop` has drained them, or until a change that can't be sent: then what came before it is
 * delivered, saved and confirmed.
 * @throws CaptureError of that change, among others
 */
export async function streamChanges(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  held: HeldStream,
  sink: Sink,
  { position, comesAgain, streamsFrom }: Resumption,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<void> {
  const { observer, now, wallClock } = parts;
  const { feedback, session, watch } = held;
  const tracker = new ProgressTracker(position);
  const batcher = new Batcher(settings.limits, () => sink.createBatch(), position, now);
  const progressOf = (at: Position): Progress => ({
    identity: held.identity,
    timeline: session.server.timeline,
    publication: settings.publication,
    position: at,
  });
  const delivered = new Wakeup();
  const decoder = parts.createDecoder();
  decoder.ended(streamsFrom);
  const deduplicator = new Deduplicator(position, comesAgain);
  const gate = new WalEndGate({
    streamsFrom,
    advance(endLsn) {
      deduplicator.ended(endLsn);
      decoder.ended(endLsn);
      batcher.advanceEnd(endLsn);
    },
    ask: () => feedback.answer(),
    look: () => watch.lookSoon(),
    now,
  });
  watch.onWalEnd((end) => gate.looked(end));
  const intake = new Intake({
    stream: held.stream,
    session,
    decoder,
    relations: {
      identity: held.identity,
      store: parts.relations,
      onUndescribed: (relation, missing) => parts.lifecycle.relationUndescribed(relation, missing),
    },
    batcher,
    routeOf: (target, signal, soon) => sink.route(parts.topicOf(target), signal, topicsOf(parts, soon)),
    oversize: settings.oversize,
    onDeadLetter: (found) => parts.lifecycle.deadLettered(found),
    deduplicator,
    counted: memory.counted,
    observer,
    now,
    wallClock,
    onKeepalive(walEnd, replyRequested) {
      if (walEnd !== null) gate.keepalive(walEnd);
      if (!replyRequested) return;
      batcher.requestProgress();
      feedback.answer();
    },
  });
  const confirm = (): Lsn => {
    // Until the last delivered transaction has come again, this may be another history: the slot stays where it is,
    // so that the next start can tell, too.
    if (!deduplicator.isAwaiting) tracker.markConfirmed(tracker.confirmable);
    observer.confirmed(tracker.confirmed);
    return tracker.confirmed;
  };
  feedback.setState({
    received: () => batcher.received.endLsn,
    waitingSince: () => intake.waitingSince,
    confirm,
  });
  const checkpointing: CheckpointingParts = {
    store: parts.store,
    tracker,
    delivery: settings.delivery,
    progressOf,
    lifecycle: parts.lifecycle,
    delivered,
    onSaved: () => feedback.saved(),
  };
  await parts.store.save({ progress: progressOf(position), delivery: settings.delivery }).catch((error) =>
    reportCheckpoint(parts, settings, error)
  );
  let drained = false;
  let refused: CaptureError | undefined;
  const ended = new AbortController();
  await runTogether([
    async (signal) => {
      refused = await intake.run(AbortSignal.any([signal, stop]));
      batcher.flush();
      ended.abort();
    },
    async (signal) => {
      const onDelivered = () => {
        memory.backoff.reset();
        memory.batchSize.delivered();
        memory.silence.delivered();
        delivered.wake();
      };
      const { lingerMs } = settings.limits;
      await deliver(
        { sink, batcher, tracker, progressOf, observer, lingerMs, now, wallClock, onDelivered },
        signal,
      );
      drained = true;
      delivered.wake();
    },
    (signal) => checkpoint(checkpointing, () => drained, signal),
    (signal) => watchTypes(session, intake, AbortSignal.any([signal, ended.signal])),
    (signal) => watchRoutes(sink, intake, AbortSignal.any([signal, ended.signal])),
  ], kill);
  await held.stream.finish(batcher.received.endLsn, confirm(), FINISH_MS);
  observer.stateChanged("postgres", "stopped");
  observer.stateChanged("kafka", "stopped");
  if (refused !== undefined) throw refused;
}

/** Each once; a table that has no topic is left out until its turn comes. */
export function topicsOf({ topicOf }: CaptureParts, tables: readonly TableName[]): string[] {
  const topics = new Set<string>();
  for (const table of tables) {
    try {
      topics.add(topicOf(table));
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
    }
  }
  return [...topics];
}
