// The tasks that stream side by side from a known position, until everything is delivered or one of them
// fails.

import { CaptureError } from "../core/errors.ts";
import type { Lsn, Position, Progress } from "../core/position.ts";
import type { SnapshotLedger } from "../core/snapshot_state.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { RecordFormat } from "../decoder/formats/format.ts";
import { runSnapshots } from "./snapshot/snapshot_task.ts";
import { throwFailed } from "./snapshot/failed_snapshots.ts";
import { TableRuns } from "./snapshot/table_runs.ts";
import { Snapshots } from "./snapshot/snapshots.ts";
import { UnshownTransactions } from "./snapshot/unshown_transactions.ts";
import { Wakeup } from "../core/wakeup.ts";
import { Batcher } from "./batcher.ts";
import { type SessionContext, topicsOf } from "./capture_parts.ts";
import { checkpoint } from "./checkpointing.ts";
import { Deduplicator } from "./deduplicator.ts";
import { deliver } from "./delivery.ts";
import { Intake } from "./intake.ts";
import { reportCheckpoint } from "./opening.ts";
import type { Sink } from "./ports.ts";
import { ProgressTracker } from "./progress_tracker.ts";
import type { Resumption } from "./reconcile.ts";
import type { HeldSlot } from "./held_slot.ts";
import type { RefusedTransaction } from "./session_memory.ts";
import { RestartSession } from "./restart_session.ts";
import { runTogether } from "./tasks.ts";
import { WalEndGate } from "./wal_end_gate.ts";
import { watchRoutes, watchTypes } from "./watching.ts";

/** The longest wait for the server's answer to the last confirmation. */
const FINISH_MS = 2_000;

/** A session that is ready to stream. */
export interface OpenSession extends SessionContext {
  readonly slot: HeldSlot;
  readonly sink: Sink;
  readonly resumption: Resumption;
  /** The delivered states of snapshots. */
  readonly ledger: SnapshotLedger;
}

export class Streaming {
  readonly #session: OpenSession;
  readonly #tracker: ProgressTracker;
  readonly #batcher: Batcher;
  readonly #deduplicator: Deduplicator;
  readonly #decoder: ChangeDecoder;
  readonly #format: RecordFormat;
  readonly #unshown: UnshownTransactions;
  readonly #snapshots: Snapshots;
  readonly #gate: WalEndGate;
  readonly #intake: Intake;
  /** Woken at each delivery. */
  readonly #delivered: Wakeup;
  readonly #intakeEnded = new AbortController();
  /** Aborts when there is nothing left to do: all initial snapshots have ended. */
  readonly #settled = new AbortController();
  #isSettled = false;
  #isDrained = false;
  #refused: RefusedTransaction | undefined;

  constructor(session: OpenSession) {
    const { parts, settings, sink, resumption: { position, streamsFrom } } = session;
    this.#session = session;
    this.#tracker = new ProgressTracker(position);
    const createBatch = () => sink.createBatch();
    this.#batcher = new Batcher(settings.limits, createBatch, position, parts.clock, streamsFrom);
    this.#delivered = new Wakeup(parts.clock);
    this.#deduplicator = new Deduplicator(position, session.resumption.comesAgain);
    this.#decoder = parts.createDecoder();
    this.#format = parts.createFormat();
    this.#unshown = new UnshownTransactions(this.#knowsUnshown());
    this.#snapshots = this.#createSnapshots();
    this.#gate = this.#createGate();
    this.#intake = this.#createIntake();
  }

  /**
   * Runs the tasks until `stop` has drained them, or until a change cannot be sent and everything before its
   * transaction is delivered, saved and confirmed.
   * @throws the error of the change that cannot be sent; RestartSession to get there; CaptureError
   */
  async run(kill: AbortSignal): Promise<void> {
    const { parts: { events }, slot: { source, stream }, sink, stop } = this.#session;
    this.#attachFeedback();
    await this.#saveStart();
    const whileIntake = (signal: AbortSignal) => AbortSignal.any([signal, this.#intakeEnded.signal]);
    await runTogether([
      (signal) => this.#receive(AbortSignal.any([signal, stop])),
      (signal) => this.#deliver(signal),
      (signal) => this.#checkpoint(signal),
      (signal) => watchTypes(source, this.#intake, this.#session.parts.clock, whileIntake(signal)),
      (signal) => this.#snapshot(whileIntake(signal)),
      (signal) => watchRoutes(sink, this.#intake, this.#session.parts.clock, whileIntake(signal)),
    ], kill);
    if (this.#holdsUnshown) await this.#lookNow(AbortSignal.timeout(FINISH_MS));
    await stream.finish(this.#batcher.received.endLsn, this.#confirm(), FINISH_MS);
    events.stateChanged("postgres", "stopped");
    events.stateChanged("kafka", "stopped");
    if (this.#refused !== undefined) throw this.#refused.error;
    if (this.#isSettled) throwFailed(this.#snapshots.runs.all, this.#session.settings.snapshot);
  }

  /**
   * Whether all transactions that are not visible yet will be streamed: none was streamed before, or those
   * that were are not confirmed.
   */
  #knowsUnshown(): boolean {
    const { resumption, ledger } = this.#session;
    return resumption.from === "new slot" || ledger.holdsUnshown === true;
  }

  #createSnapshots(): Snapshots {
    const { parts, settings, sink, ledger, resumption, slot } = this.#session;
    const unshown = this.#unshown;
    slot.watch.onVisibility((visibility) =>
      visibility === "all" ? unshown.clear() : unshown.shown(visibility)
    );
    return new Snapshots({
      ...parts,
      decoder: this.#decoder,
      batcher: this.#batcher,
      format: this.#format,
      oversize: settings.oversize,
      routeOf: (target, signal, soon = []) =>
        sink.route(parts.topicOf(target), signal, topicsOf(parts, soon)),
      unshown,
      runs: new TableRuns({ ...parts, ledger, batcher: this.#batcher }),
      isNewSlot: resumption.from === "new slot",
      onDue: () => this.#intake.interrupt(),
      onWalEnd: (walEnd) => this.#gate.reached(walEnd),
    });
  }

  async #snapshot(signal: AbortSignal): Promise<void> {
    const { parts, settings, sink, slot } = this.#session;
    try {
      // The transactions visible now determine which ones to wait for.
      if (!this.#unshown.isComplete && this.#holdsUnshown) await this.#lookNow(signal);
      await runSnapshots({
        ...parts,
        snapshots: this.#snapshots,
        settings: settings.snapshot,
        session: slot.source,
        sink,
        format: this.#format,
        unshown: this.#unshown,
        isWalShort: () => slot.watch.isWalShort,
        askFor: (walEnd) => this.#gate.awaits(walEnd),
        onSettled: () => {
          this.#isSettled = true;
          this.#settled.abort();
        },
      }, signal);
    } catch (error) {
      if (!this.#intakeEnded.signal.aborted) throw error;
    }
  }

  /** While rows are sent, a transaction that is not visible must be streamed again in the next session. */
  get #holdsUnshown(): boolean {
    return this.#session.settings.snapshot.mode !== "never" || this.#snapshots.isWaiting;
  }

  /** Ignores transient failures; the next poll tries again. */
  async #lookNow(signal: AbortSignal): Promise<void> {
    try {
      await this.#session.slot.watch.look(signal);
    } catch (error) {
      if (!signal.aborted && !(error instanceof CaptureError)) throw error;
    }
  }

  #createGate(): WalEndGate {
    const { parts, slot, resumption: { streamsFrom } } = this.#session;
    const decoder = this.#decoder;
    decoder.ended(streamsFrom);
    const deduplicator = this.#deduplicator;
    const gate = new WalEndGate({
      from: streamsFrom,
      advance: (endLsn) => {
        deduplicator.ended(endLsn);
        decoder.ended(endLsn);
        this.#batcher.advanceEnd(endLsn);
      },
      ask: () => slot.feedback.answer(),
      look: () => slot.watch.lookSoon(),
      now: () => parts.clock.now(),
    });
    slot.watch.onWalEnd((end) => gate.looked(end));
    return gate;
  }

  #createIntake(): Intake {
    const { parts, settings, memory, slot, sink } = this.#session;
    const decoder = this.#decoder;
    const deduplicator = this.#deduplicator;
    const gate = this.#gate;
    return new Intake({
      stream: slot.stream,
      session: slot.source,
      decoder,
      relations: {
        identity: slot.identity,
        store: parts.relations,
        onUndescribed: (relation, missing) => {
          if (memory.reportUndescribed(relation)) parts.events.relationUndescribed(relation, missing);
        },
      },
      batcher: this.#batcher,
      routeOf: (target, signal, soon) => sink.route(parts.topicOf(target), signal, topicsOf(parts, soon)),
      oversize: settings.oversize,
      refused: memory.refused,
      deduplicator,
      counted: memory.counted,
      events: parts.events,
      clock: parts.clock,
      snapshots: this.#snapshots,
      onKeepalive: (walEnd, replyRequested) => {
        if (walEnd !== null) gate.keepalive(walEnd);
        if (!replyRequested) return;
        this.#batcher.requestProgress();
        slot.feedback.answer();
      },
    });
  }

  #attachFeedback(): void {
    const { slot } = this.#session;
    slot.feedback.attach({
      received: () => this.#batcher.received.endLsn,
      waitingSince: () => this.#intake.waitingSince,
      confirm: () => this.#confirm(),
    });
  }

  /** Marks the LSN that may be confirmed to PostgreSQL now as confirmed. */
  #confirm(): Lsn {
    // Until the last delivered transaction is received again, this may be a different history. The slot then
    // stays where it is, so that the next start can detect it, too.
    if (!this.#deduplicator.isAwaiting) {
      this.#tracker.markConfirmed(this.#confirmable());
      this.#session.parts.events.confirmed(this.#tracker.confirmed);
    }
    return this.#tracker.confirmed;
  }

  #confirmable(): Lsn {
    const { confirmable, confirmed } = this.#tracker;
    const { runs } = this.#snapshots;
    if (!this.#holdsUnshown) runs.holdUnshown(false);
    else if (this.#unshown.knowsAll) runs.holdUnshown(true);
    const isHeld = this.#holdsUnshown || runs.isHoldTold;
    // Delivered transactions that are not visible are known once they have been received again.
    if (isHeld && !this.#batcher.isCaughtUp) return confirmed;
    const unshown = isHeld ? this.#unshown.firstCommitLsn : undefined;
    if (unshown === undefined || unshown >= confirmable) return confirmable;
    return unshown > confirmed ? unshown : confirmed;
  }

  async #saveStart(): Promise<void> {
    const { parts, settings: { delivery }, resumption: { position } } = this.#session;
    try {
      await parts.store.save({ progress: this.#progressOf(position), delivery });
    } catch (error) {
      reportCheckpoint(this.#session, error);
    }
  }

  async #receive(signal: AbortSignal): Promise<void> {
    const { memory } = this.#session;
    const refused = await this.#intake.run(AbortSignal.any([signal, this.#settled.signal]));
    if (refused?.isPartlyTaken === true && memory.refused?.commitLsn !== refused.commitLsn) {
      // The buffer contains a part of the refused transaction, which must not be sent.
      memory.refused = refused;
      throw new RestartSession(refused.error);
    }
    this.#refused = refused;
    this.#batcher.flush();
    this.#intakeEnded.abort();
  }

  async #deliver(signal: AbortSignal): Promise<void> {
    const { parts: { clock, events }, settings, memory, sink } = this.#session;
    await deliver({
      sink,
      batcher: this.#batcher,
      tracker: this.#tracker,
      progressOf: (position) => this.#progressOf(position),
      events,
      lingerMs: settings.limits.lingerMs,
      clock,
      onNoted: (notes) => this.#snapshots.runs.delivered(notes),
      onDelivered: () => {
        memory.delivered();
        this.#delivered.wake();
      },
    }, signal);
    this.#isDrained = true;
    this.#delivered.wake();
  }

  async #checkpoint(signal: AbortSignal): Promise<void> {
    const { parts: { store, events, clock }, settings: { delivery }, slot: { feedback } } = this.#session;
    await checkpoint({
      store,
      tracker: this.#tracker,
      delivery,
      progressOf: (position) => this.#progressOf(position),
      events,
      clock,
      delivered: this.#delivered,
      isDrained: () => this.#isDrained,
      onSaved: () => feedback.saved(),
    }, signal);
  }

  #progressOf(position: Position): Progress {
    const { settings: { publication }, slot: { identity, source } } = this.#session;
    return { identity, timeline: source.server.timeline, publication, position };
  }
}
