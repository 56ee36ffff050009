// One run of the pipeline, from taking the slot to letting it go: the orders of DESIGN section 1.

import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import { CaptureError, errorPolicy } from "../errors.ts";
import type { Backoff } from "./backoff.ts";
import { Batcher, type BatchLimits } from "./batcher.ts";
import { checkpoint, type CheckpointingParts, saveDelivered } from "./checkpointing.ts";
import { deliver } from "./delivery.ts";
import { Feedback } from "./feedback.ts";
import { Intake } from "./intake.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Observer } from "./observer.ts";
import type { Position, Progress, SourceIdentity } from "./position.ts";
import type {
  Checkpoint,
  CheckpointStore,
  DeliveryGuarantee,
  ReplicationSource,
  ReplicationStream,
  Sink,
  SlotState,
  SourceSession,
} from "./ports.ts";
import { ProgressTracker } from "./progress_tracker.ts";
import { reconcile } from "./reconcile.ts";
import { runTogether } from "./tasks.ts";
import { delay, Wakeup } from "./wait.ts";

/** The adapters, and what makes their parts. */
export interface CaptureParts {
  readonly source: ReplicationSource;
  readonly createSink: (identity: SourceIdentity) => Sink;
  readonly store: CheckpointStore;
  readonly createDecoder: () => ChangeDecoder;
  /** The topic of a table or of logical messages. @throws CaptureError `topic-conflict` */
  readonly topicOf: (target: { readonly schema: string; readonly table: string } | "message") => string;
  readonly observer: Observer;
  readonly lifecycle: Lifecycle;
  /** Milliseconds since any moment; never goes back, whatever happens to the clock. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/** What the pipeline is told. */
export interface CaptureSettings {
  readonly database: string;
  readonly slot: string;
  readonly delivery: DeliveryGuarantee;
  readonly limits: BatchLimits;
  readonly keepaliveIntervalMs: number;
}

/** What is kept from one session to the next. */
export interface SessionMemory {
  /** How long PostgreSQL may be silent before the link counts as dead. */
  silenceMsMax: number;
  readonly backoff: Backoff;
}

// The server's last answer to the last confirmation is waited for this long.
const FINISH_MS = 2_000;
// How often the server is asked for the end of its WAL: half of the status line's interval.
const WATCH_MS = 5_000;

/**
 * Takes the slot and streams until `stop` aborts, then drains; or until something fails.
 * @param stop asks for a clean end: what was read is delivered, saved and confirmed
 * @param kill ends everything at once
 */
export async function runSession(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<void> {
  const { observer, lifecycle } = parts;
  const either = AbortSignal.any([stop, kill]);
  observer.stateChanged("postgres", "connecting");
  const session = await parts.source.connect(either);
  lifecycle.connected(session.server.versionNumber, session.publishedTables);
  let sink: Sink | undefined;
  let stream: ReplicationStream | undefined;
  try {
    // Two tables with one topic are refused before anything is sent.
    for (const table of session.publishedTables) parts.topicOf(table);
    const identity: SourceIdentity = {
      systemIdentifier: session.server.systemIdentifier,
      database: settings.database,
      slot: settings.slot,
    };
    const saved = await loadCheckpoint(parts, settings);
    let progress: Progress | null | undefined;
    const slotIsNew = await session.slot(either) === null;
    if (slotIsNew) {
      // Nobody can hold a slot that is not there, so no healthy instance is fenced by this.
      ({ sink, progress } = await openSink(parts, identity, memory, either));
      refuseKnownPosition(settings, identity, session, progress, saved);
      lifecycle.slotCreating(settings.slot);
      await session.createSlot(either);
    }
    stream = await session.start(either);
    observer.stateChanged("postgres", "streaming");
    const feedback = new Feedback({
      stream,
      intervalMs: feedbackInterval(settings, session.server.walSenderTimeoutMs),
      silenceMsMax: memory.silenceMsMax,
      now: parts.now,
    });
    const held = { session, stream, identity, feedback, slotIsNew, saved, sink, progress };
    await runHeld(parts, settings, memory, held, (opened) => sink = opened, stop, kill);
  } finally {
    stream?.close();
    session.close();
    sink?.close();
  }
}

/** What is known and open once the slot is held. */
interface Held {
  readonly session: SourceSession;
  readonly stream: ReplicationStream;
  readonly identity: SourceIdentity;
  readonly feedback: Feedback;
  readonly slotIsNew: boolean;
  readonly saved: Checkpoint | null;
  readonly sink: Sink | undefined;
  readonly progress: Progress | null | undefined;
}

/** The slot is held: nobody else streams. The keep-alive goes on beside all that follows. */
async function runHeld(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  held: Held,
  onSink: (sink: Sink) => void,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  await runTogether([
    (signal) =>
      held.feedback.run(AbortSignal.any([signal, ended.signal])).catch((error) => {
        if (!ended.signal.aborted) throw error;
      }),
    async (signal) => {
      try {
        const preparing = AbortSignal.any([signal, stop]);
        let { sink, progress } = held;
        if (sink === undefined || progress === undefined) {
          ({ sink, progress } = await openSink(parts, held.identity, memory, preparing));
          onSink(sink);
        }
        const position = await resume(parts, settings, held, sink, progress, preparing);
        await streamChanges(parts, settings, memory, held, sink, position, stop, signal);
      } finally {
        ended.abort();
      }
    },
  ], kill);
}

/** The checkpoint; with exactly-once, one that can't be read counts as none: Kafka's record is the truth. */
async function loadCheckpoint(parts: CaptureParts, settings: CaptureSettings): Promise<Checkpoint | null> {
  try {
    return await parts.store.load();
  } catch (error) {
    reportCheckpoint(parts, settings, error);
    return null;
  }
}

function reportCheckpoint(parts: CaptureParts, settings: CaptureSettings, error: unknown): void {
  const isBearable = settings.delivery === "exactly-once" && error instanceof CaptureError &&
    error.kind === "checkpoint-unavailable";
  if (!isBearable) throw error;
  parts.lifecycle.checkpointFailed(error);
}

/** Opens a sink, trying again while Kafka is away: the slot stays held meanwhile. */
async function openSink(
  parts: CaptureParts,
  identity: SourceIdentity,
  memory: SessionMemory,
  signal: AbortSignal,
): Promise<{ sink: Sink; progress: Progress | null }> {
  for (;;) {
    const sink = parts.createSink(identity);
    parts.observer.stateChanged("kafka", "connecting");
    try {
      const progress = await sink.open(signal);
      parts.observer.stateChanged("kafka", "streaming");
      return { sink, progress };
    } catch (error) {
      sink.close();
      signal.throwIfAborted();
      if (!(error instanceof CaptureError) || errorPolicy(error.kind).action !== "retry") throw error;
      const pauseMs = memory.backoff.next();
      parts.lifecycle.retrying(error, pauseMs);
      await delay(pauseMs, signal);
    }
  }
}

/** A slot that is gone although a position in it is known: refused before a new one is made. */
function refuseKnownPosition(
  settings: CaptureSettings,
  identity: SourceIdentity,
  session: SourceSession,
  progress: Progress | null,
  checkpoint: Checkpoint | null,
): void {
  reconcile({
    identity,
    delivery: settings.delivery,
    timeline: session.server.timeline,
    timelineHistory: [],
    walEnd: 0xffff_ffff_ffff_ffffn,
    slotIsNew: true,
    slotConfirmedLsn: 0n,
    progress,
    checkpoint,
  });
}

/** Finds the position to go on from, and sees to it that Kafka has it. */
async function resume(
  parts: CaptureParts,
  settings: CaptureSettings,
  held: Held,
  sink: Sink,
  progress: Progress | null,
  signal: AbortSignal,
): Promise<Position> {
  const { session, identity, saved, slotIsNew } = held;
  // Read now that the slot is held: before, another instance may have moved it.
  const slot: SlotState | null = await session.slot(signal);
  if (slot === null) {
    throw new CaptureError("slot-unusable", `Cannot use replication slot "${settings.slot}": it was dropped`);
  }
  const resumption = reconcile({
    identity,
    delivery: settings.delivery,
    timeline: session.server.timeline,
    timelineHistory: await session.timelineHistory(signal),
    walEnd: slot.walEnd,
    slotIsNew,
    slotConfirmedLsn: slot.confirmedFlushLsn,
    progress,
    checkpoint: saved,
  });
  parts.lifecycle.resumed(resumption);
  if (resumption.from !== "progress" || progress?.timeline !== session.server.timeline) {
    const batch = sink.createBatch();
    await sink.write(
      batch,
      { identity, timeline: session.server.timeline, position: resumption.position },
      signal,
    );
  }
  return resumption.position;
}

/** The four tasks, until `stop` has drained them. */
async function streamChanges(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  held: Held,
  sink: Sink,
  position: Position,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<void> {
  const { observer, now } = parts;
  const { feedback, session } = held;
  const tracker = new ProgressTracker(position);
  const batcher = new Batcher(settings.limits, () => sink.createBatch(), position, now);
  const progressOf = (at: Position): Progress => ({
    identity: held.identity,
    timeline: session.server.timeline,
    position: at,
  });
  const delivered = new Wakeup();
  const intake = new Intake({
    stream: held.stream,
    session,
    decoder: parts.createDecoder(),
    batcher,
    routeOf: (target, signal) => sink.route(parts.topicOf(target), signal),
    start: position,
    observer,
    now,
    wallClock: parts.wallClock,
    onKeepalive(replyRequested) {
      if (!replyRequested) return;
      batcher.requestProgress();
      feedback.answer();
    },
  });
  feedback.setState({
    received: () => batcher.received.endLsn,
    waitingSince: () => intake.waitingSince,
    confirm() {
      tracker.markConfirmed(tracker.confirmable);
      observer.confirmed(tracker.confirmed);
      return tracker.confirmed;
    },
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
  const watching = new AbortController();
  let drained = false;
  await runTogether([
    async (signal) => {
      await intake.run(AbortSignal.any([signal, stop]));
      batcher.flush();
    },
    async (signal) => {
      const onDelivered = () => {
        memory.backoff.reset();
        delivered.wake();
      };
      await deliver({ sink, batcher, tracker, progressOf, observer, now, onDelivered }, signal);
      drained = true;
      delivered.wake();
    },
    async (signal) => {
      await checkpoint(checkpointing, () => drained, signal);
      watching.abort();
    },
    (signal) => watchWalEnd(session, observer, AbortSignal.any([signal, watching.signal])),
  ], kill);
  await saveDelivered(checkpointing);
  await held.stream.finish(batcher.received.endLsn, tracker.confirmable, FINISH_MS);
  observer.stateChanged("postgres", "stopped");
  observer.stateChanged("kafka", "stopped");
}

/** For the lag that people are shown: a keepalive tells how far the walsender has read, not how much there is. */
async function watchWalEnd(session: SourceSession, observer: Observer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      observer.serverWalEnd(await session.readWalEnd(signal));
      await delay(WATCH_MS, signal);
    } catch (error) {
      // The stream's own connection notices what is wrong with the server.
      if (signal.aborted || !(error instanceof CaptureError)) continue;
      await delay(WATCH_MS, signal).catch(() => {});
    }
  }
}

/** Half of the server's timeout, if that is less: a status update may be late by a whole interval. */
function feedbackInterval(settings: CaptureSettings, walSenderTimeoutMs: number): number {
  return walSenderTimeoutMs > 0
    ? Math.min(settings.keepaliveIntervalMs, Math.floor(walSenderTimeoutMs / 2))
    : settings.keepaliveIntervalMs;
}
