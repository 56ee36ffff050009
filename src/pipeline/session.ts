// One session: from connecting to PostgreSQL until everything is delivered, or until something fails.

import { CaptureError } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { SessionContext } from "./capture_parts.ts";
import { Feedback } from "./feedback.ts";
import type { HeldSlot } from "./held_slot.ts";
import { loadCheckpoint, openSink, warnIfSlow } from "./opening.ts";
import type { Sink, SourceSession } from "./ports.ts";
import { reconcile, type Resumption } from "./reconcile.ts";
import { acquireSlot } from "./slot_acquisition.ts";
import { Streaming } from "./streaming.ts";
import { runTogether } from "./tasks.ts";
import { ServerWatch } from "./watching.ts";

/**
 * Acquires the slot and streams until `stop` aborts and everything is delivered.
 * @throws RestartSession if it has to start again at once; CaptureError; `kill`'s reason
 */
export async function runSession(context: SessionContext): Promise<void> {
  using session = new Session(context);
  await session.run();
}

/** Owns what it opens: disposing of it closes the sink, the stream and the connections to PostgreSQL. */
class Session implements Disposable {
  readonly #context: SessionContext;
  readonly #resources = new DisposableStack();

  constructor(context: SessionContext) {
    this.#context = context;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  async run(): Promise<void> {
    const { settings, stop, kill } = this.#context;
    const either = AbortSignal.any([stop, kill]);
    const source = await this.#connect(either);
    this.#refuseConflicts(source);
    const identity = {
      systemIdentifier: source.server.systemIdentifier,
      database: settings.database,
      slot: settings.slot,
    };
    await this.#runHeld(await this.#holdSlot(source, identity, either));
  }

  async #connect(signal: AbortSignal): Promise<SourceSession> {
    const { parts } = this.#context;
    const { events } = parts;
    events.stateChanged("postgres", "connecting");
    const source = await warnIfSlow("PostgreSQL", parts, parts.source.connect(signal));
    this.#resources.defer(() => source.close());
    for (const warning of source.warnings) events.sourceWarned(warning);
    if (source.publicationChange !== null) events.publicationKept(source.publicationChange);
    events.connected(source.server.versionNumber, source.publishedTables);
    return source;
  }

  /**
   * Rejects a table without a usable topic before anything is sent, unless its changes may become dead
   * letters, or this session has to deliver the transactions before a refused one.
   */
  #refuseConflicts({ publishedTables }: SourceSession): void {
    const { parts, settings, memory } = this.#context;
    const conflicts = parts.topicConflicts(publishedTables);
    const [first] = conflicts;
    if (first !== undefined && settings.oversize === "stop" && memory.refused === undefined) throw first;
    parts.events.topicsInConflict(conflicts);
  }

  async #holdSlot(source: SourceSession, identity: SourceIdentity, signal: AbortSignal): Promise<HeldSlot> {
    const { parts, settings, memory } = this.#context;
    const isNew = await acquireSlot(this.#context, source, identity, signal);
    const stream = await source.start(signal);
    this.#resources.defer(() => stream.close());
    parts.events.stateChanged("postgres", "streaming");
    const watch = new ServerWatch(source, parts);
    const feedback = new Feedback({
      stream,
      intervalMs: feedbackInterval(settings.keepaliveIntervalMs, source.server.walSenderTimeoutMs),
      idleMsMax: memory.idleTimeout.ms,
      answeredAt: () => watch.answeredAt,
      clock: parts.clock,
    });
    return { source, stream, identity, feedback, watch, isNew };
  }

  /** Status updates and the watch run alongside everything else, as long as the slot is held. */
  async #runHeld(slot: HeldSlot): Promise<void> {
    const { stop, kill } = this.#context;
    const { feedback, watch } = slot;
    const ended = new AbortController();
    await runTogether([
      (signal) =>
        feedback.run(AbortSignal.any([signal, ended.signal])).catch((error) => {
          if (!ended.signal.aborted) throw error;
        }),
      (signal) => watch.run(() => feedback.isReading, AbortSignal.any([signal, ended.signal])),
      async (signal) => {
        try {
          const preparing = AbortSignal.any([signal, stop]);
          // Only the holder of the slot opens the sink, because that fences the instance that held it before.
          const { sink, progress } = await openSink(this.#context, slot.identity, preparing);
          this.#resources.defer(() => sink.close());
          const ledger = await sink.readSnapshots(preparing);
          const resumption = await this.#resume(slot, sink, progress, preparing);
          // The first session of a slot knows every transaction that is streamed from it.
          const holdsUnshown = ledger.holdsUnshown ?? this.#isFirstOf(resumption);
          await new Streaming({
            ...this.#context,
            ...{ slot, sink, resumption, ledger: { ...ledger, holdsUnshown } },
          }).run(signal);
        } finally {
          ended.abort();
        }
      },
    ], kill);
  }

  /** Finds the position to resume from, and makes sure that Kafka has it. */
  async #resume(
    { source, identity, isNew }: HeldSlot,
    sink: Sink,
    progress: Progress | null,
    signal: AbortSignal,
  ): Promise<Resumption> {
    const { parts, settings: { slot, publication, delivery } } = this.#context;
    const { timeline } = source.server;
    // Read while the slot is held: before, another instance may have advanced it.
    const state = await source.slot(signal);
    if (state === null) {
      throw new CaptureError("slot-unusable", `Cannot use replication slot "${slot}": it was dropped`);
    }
    const checkpoint = await loadCheckpoint(this.#context);
    const resumption = reconcile({
      identity,
      delivery,
      publication,
      timeline,
      timelineHistory: await source.timelineHistory(signal),
      walEnd: state.walEnd,
      // No position was known when the slot was created. One that is known now was delivered from it by an
      // instance that held the slot between its creation and now.
      slotIsNew: isNew && progress === null && checkpoint === null,
      slotConfirmedLsn: state.confirmedFlushLsn,
      progress,
      checkpoint,
    });
    parts.events.resumed(resumption);
    if (resumption.from !== "progress" || progress?.timeline !== timeline) {
      const { position } = resumption;
      const notes = this.#isFirstOf(resumption)
        ? { states: [], requestsTaken: null, holdsUnshown: true }
        : undefined;
      await sink.write(sink.createBatch(), { identity, timeline, publication, position }, signal, notes);
    }
    return resumption;
  }

  /** Whether nothing was streamed from the slot before, and the rows of tables are read from the start. */
  #isFirstOf({ from }: Resumption): boolean {
    return from === "new slot" && this.#context.settings.snapshot.mode !== "never";
  }
}

/** At most half of the server's timeout, so that a status update may be late by a whole interval. */
function feedbackInterval(keepaliveIntervalMs: number, walSenderTimeoutMs: number): number {
  return walSenderTimeoutMs > 0
    ? Math.min(keepaliveIntervalMs, Math.floor(walSenderTimeoutMs / 2))
    : keepaliveIntervalMs;
}
