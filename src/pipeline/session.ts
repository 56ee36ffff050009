// One run of the pipeline, from taking the slot to letting it go: the orders of DESIGN section 1.

import { CaptureError } from "../core/errors.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import { Feedback } from "./feedback.ts";
import { loadCheckpoint, noticing, openSink } from "./opening.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { Checkpoint, ReplicationStream, Sink, SlotState, SourceSession } from "./ports.ts";
import { reconcile, type Resumption } from "./reconcile.ts";
import { type HeldStream, streamChanges } from "./streaming.ts";
import { runTogether } from "./tasks.ts";
import { delay } from "../core/wait.ts";
import { ServerWatch } from "./watching.ts";

// A slot that is not made by then waits for somebody.
const SLOT_BLOCKERS_MS = 3_000;

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
    // Two tables with one topic are refused before anything is sent.
    for (const table of session.publishedTables) parts.topicOf(table);
    const identity: SourceIdentity = {
      systemIdentifier: session.server.systemIdentifier,
      database: settings.database,
      slot: settings.slot,
    };
    let progress: Progress | null | undefined;
    const slotIsNew = await waitForSlot(parts, settings, session, either) === null;
    if (slotIsNew) {
      // Nobody can hold a slot that is not there, so no healthy instance is fenced by this.
      ({ sink, progress } = await openSink(parts, identity, memory, either));
      refuseKnownPosition(settings, identity, session, progress, await loadCheckpoint(parts, settings));
      await createSlot(parts, settings, session, either);
    }
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
    const held = { session, stream, identity, feedback, watch, slotIsNew, sink, progress };
    await runHeld(parts, settings, memory, held, (opened) => sink = opened, stop, kill);
  } finally {
    stream?.close();
    session.close();
    sink?.close();
  }
}

/** Looks at the slot until nobody holds it. @returns null when it does not exist */
async function waitForSlot(
  parts: CaptureParts,
  settings: CaptureSettings,
  session: SourceSession,
  signal: AbortSignal,
): Promise<SlotState | null> {
  for (;;) {
    const slot = await session.slot(signal);
    if (slot === null || slot.activePid === null) return slot;
    parts.observer.stateChanged("postgres", "waiting");
    parts.lifecycle.slotHeld(settings.slot, slot.activePid);
    await delay(settings.pollIntervalMs, signal);
  }
}

/** Makes the slot, and says for whom that waits. */
async function createSlot(
  parts: CaptureParts,
  settings: CaptureSettings,
  session: SourceSession,
  signal: AbortSignal,
): Promise<void> {
  parts.lifecycle.slotCreating(settings.slot);
  const made = new AbortController();
  await runTogether([
    async (each) => {
      await session.createSlot(each);
      made.abort();
    },
    async (each) => {
      const waiting = AbortSignal.any([each, made.signal]);
      try {
        for (;;) {
          await delay(SLOT_BLOCKERS_MS, waiting);
          parts.lifecycle.slotAwaits(settings.slot, await session.slotBlockers(waiting));
        }
      } catch (error) {
        if (!waiting.aborted) throw error;
      }
    },
  ], signal);
}

/** What is known and open once the slot is held. */
interface Held extends HeldStream {
  readonly slotIsNew: boolean;
  readonly sink: Sink | undefined;
  readonly progress: Progress | null | undefined;
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
        let { sink, progress } = held;
        if (sink === undefined || progress === undefined) {
          ({ sink, progress } = await openSink(parts, held.identity, memory, preparing));
          onSink(sink);
        }
        const resumption = await resume(parts, settings, held, sink, progress, preparing);
        await streamChanges(parts, settings, memory, held, sink, resumption, stop, signal);
      } finally {
        ended.abort();
      }
    },
  ], kill);
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
    publication: settings.publication,
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
): Promise<Resumption> {
  const { session, identity, slotIsNew } = held;
  // Read now that the slot is held: before, another instance may have moved it.
  const slot: SlotState | null = await session.slot(signal);
  if (slot === null) {
    throw new CaptureError("slot-unusable", `Cannot use replication slot "${settings.slot}": it was dropped`);
  }
  const resumption = reconcile({
    identity,
    delivery: settings.delivery,
    publication: settings.publication,
    timeline: session.server.timeline,
    timelineHistory: await session.timelineHistory(signal),
    walEnd: slot.walEnd,
    slotIsNew,
    slotConfirmedLsn: slot.confirmedFlushLsn,
    progress,
    checkpoint: await loadCheckpoint(parts, settings),
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
