// One run of the pipeline, from taking the slot to letting it go: the orders of DESIGN section 1.

import { CaptureError } from "../core/errors.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import { Feedback } from "./feedback.ts";
import { loadCheckpoint, noticing, openSink } from "./opening.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { ReplicationStream, Sink, SlotState, SourceSession } from "./ports.ts";
import { reconcile, type Resumption } from "./reconcile.ts";
import { acquireSlot } from "./slot_acquisition.ts";
import { type HeldStream, streamChanges } from "./streaming.ts";
import { runTogether } from "./tasks.ts";
import { ServerWatch } from "./watching.ts";

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
  const session = await noticing("PostgreSQL", lifecycle, parts.source.connect(either));
  for (const warning of session.warnings) lifecycle.sourceWarned(warning);
  if (session.publicationChange !== null) lifecycle.publicationKept(session.publicationChange);
  lifecycle.connected(session.server.versionNumber, session.publishedTables);
  let sink: Sink | undefined;
  let stream: ReplicationStream | undefined;
  try {
    refuseConflicts(parts, settings, session);
    const identity: SourceIdentity = {
      systemIdentifier: session.server.systemIdentifier,
      database: settings.database,
      slot: settings.slot,
    };
    // Only who holds the slot opens the sink: that fences the instance that held it before.
    const slotIsNew = await acquireSlot(parts, settings, memory, session, identity, either);
    stream = await session.start(either);
    observer.stateChanged("postgres", "streaming");
    const watch = new ServerWatch(session, parts);
    const feedback = new Feedback({
      stream,
      intervalMs: feedbackInterval(settings, session.server.walSenderTimeoutMs),
      silenceMsMax: memory.silence.ms,
      answeredAt: () => watch.answeredAt,
      now: parts.now,
    });
    const held = { session, stream, identity, feedback, watch, slotIsNew };
    await runHeld(parts, settings, memory, held, (opened) => sink = opened, stop, kill);
  } finally {
    stream?.close();
    session.close();
    sink?.close();
  }
}

/** A table whose topic can't be used is refused before anything is sent, unless its changes may be dead letters. */
function refuseConflicts(parts: CaptureParts, settings: CaptureSettings, session: SourceSession): void {
  const conflicts = parts.topicConflicts(session.publishedTables);
  const [first] = conflicts;
  if (first !== undefined && settings.oversize === "stop") throw first;
  parts.lifecycle.topicsInConflict(conflicts);
}

/** What is known and open once the slot is held. */
interface Held extends HeldStream {
  /** Whether this session created it. */
  readonly slotIsNew: boolean;
}

/** The slot is held: nobody else streams. Keep-alive and watching go on beside all that follows. */
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
    (signal) => held.watch.run(() => held.feedback.isReading, AbortSignal.any([signal, ended.signal])),
    async (signal) => {
      try {
        const preparing = AbortSignal.any([signal, stop]);
        const { sink, progress } = await openSink(parts, held.identity, memory, preparing);
        onSink(sink);
        const resumption = await resume(parts, settings, held, sink, progress, preparing);
        await streamChanges(parts, settings, memory, held, sink, resumption, stop, signal);
      } finally {
        ended.abort();
      }
    },
  ], kill);
}

/** Finds the position to go on from, and sees to it that Kafka has it. */
async function resume(
  parts: CaptureParts,
  settings: CaptureSettings,
  held: Held,
  sink: Sink,
  progress: Progress | null,
  signal: AbortSignal,
): Promise<Resumption> {
  const { session, identity, slotIsNew } = held;
  // Read now that the slot is held: before, another instance may have moved it.
  const slot: SlotState | null = await session.slot(signal);
  if (slot === null) {
    throw new CaptureError("slot-unusable", `Cannot use replication slot "${settings.slot}": it was dropped`);
  }
  const checkpoint = await loadCheckpoint(parts, settings);
  const resumption = reconcile({
    identity,
    delivery: settings.delivery,
    publication: settings.publication,
    timeline: session.server.timeline,
    timelineHistory: await session.timelineHistory(signal),
    walEnd: slot.walEnd,
    // Nothing was known when it was created: what is known now was delivered from it, by an instance that held it
    // between its creation and now.
    slotIsNew: slotIsNew && progress === null && checkpoint === null,
    slotConfirmedLsn: slot.confirmedFlushLsn,
    progress,
    checkpoint,
  });
  parts.lifecycle.resumed(resumption);
  if (resumption.from !== "progress" || progress?.timeline !== session.server.timeline) {
    const batch = sink.createBatch();
    const { publication } = settings;
    const { timeline } = session.server;
    await sink.write(batch, { identity, timeline, publication, position: resumption.position }, signal);
  }
  return resumption;
}

/** Half of the server's timeout, if that is less: a status update may be late by a whole interval. */
function feedbackInterval(settings: CaptureSettings, walSenderTimeoutMs: number): number {
  return walSenderTimeoutMs > 0
    ? Math.min(settings.keepaliveIntervalMs, Math.floor(walSenderTimeoutMs / 2))
    : settings.keepaliveIntervalMs;
}
