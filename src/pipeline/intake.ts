// Reads the stream, decodes it, and fills the batches.

import type { Clock } from "../core/clock.ts";
import { CaptureError } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import type { TableName } from "../core/table_name.ts";
import type { RecordTarget } from "../decoder/change_decoder.ts";
import { poisonError } from "./poison.ts";
import type { Route, SourceSession } from "./ports.ts";
import { RecordTaker, type RecordTakerParts } from "./record_taker.ts";
import { RelationDescriptions, type RelationsParts } from "./relation_descriptions.ts";
import type { RefusedTransaction } from "./session_memory.ts";
import { tablesAhead } from "./tables_ahead.ts";
import type { Snapshots } from "./snapshot/snapshots.ts";
import { isRefusal } from "./unsendable.ts";

export interface IntakeParts extends Omit<RecordTakerParts, "routeOf" | "describeAgain"> {
  readonly session: SourceSession;
  readonly relations: RelationsParts;
  /**
   * The route of a table, of logical messages or of dead letters.
   * @param soon tables whose routes will be needed next
   */
  readonly routeOf: (
    target: RecordTarget | "dead-letter",
    signal: AbortSignal,
    soon: readonly TableName[],
  ) => Promise<Route>;
  /** Intake stops before this transaction. */
  readonly refused: RefusedTransaction | undefined;
  readonly clock: Clock;
  /** Learns of every change, and sends rows between transactions. */
  readonly snapshots: IntakeSnapshots;
  /**
   * Called for each keepalive.
   * @param walEnd everything that commits below it was received; null inside a transaction, where it is
   *   meaningless
   */
  readonly onKeepalive: (walEnd: Lsn | null, replyRequested: boolean) => void;
}

/** The part of snapshots that intake uses. */
export type IntakeSnapshots = Pick<
  Snapshots,
  "begin" | "changed" | "described" | "isDue" | "isWaiting" | "send" | "wait"
>;

/** Where intake ended because of a change that cannot be sent. */
export interface IntakeRefusal extends RefusedTransaction {
  /** Whether earlier changes of the same transaction were taken from the stream. */
  readonly isPartlyTaken: boolean;
}

const INTERRUPTED = Symbol("interrupted");

export class Intake {
  readonly #parts: IntakeParts;
  readonly #taker: RecordTaker;
  readonly #descriptions: RelationDescriptions;
  #transactions = 0;
  #waitingSince: number | undefined;
  /** Composite types were altered up to here; undefined if they were not. */
  #typesChangedAt: Lsn | undefined;
  #partitionsAdded = false;
  /** Aborts a fill that waits only for the stream. */
  #interrupting: AbortController | undefined;
  #interruptible: AbortSignal | undefined;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#descriptions = new RelationDescriptions(parts.session, parts.decoder, parts.relations);
    this.#taker = new RecordTaker({
      ...parts,
      routeOf: (target, signal) =>
        parts.routeOf(target, signal, target === "dead-letter" ? [] : tablesAhead(parts.stream)),
      describeAgain: (found, signal) => this.#descriptions.again(found, signal),
    });
  }

  /** Since when intake has been waiting for bytes, in milliseconds; undefined while it is busy. */
  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  /** Relations have to be described again before the first transaction that commits after `asOf`. */
  typesChanged(asOf: Lsn): void {
    this.#typesChangedAt = asOf;
  }

  /**
   * Routes have to be looked up before the next transaction, all of whose rows then use the same partition
   * count.
   */
  partitionsAdded(): void {
    this.#partitionsAdded = true;
  }

  /** Interrupts a wait for the stream because rows to send have arrived. */
  interrupt(): void {
    this.#interrupting?.abort(INTERRUPTED);
  }

  /**
   * Runs until the signal aborts, a change cannot be sent, or the stream fails.
   * @returns undefined when the signal aborts; otherwise the refused transaction. The batcher then holds
   *   everything that came before the refused change
   * @throws CaptureError when the stream fails or its content is invalid
   */
  async run(signal: AbortSignal): Promise<IntakeRefusal | undefined> {
    const { batcher, decoder, events, counted } = this.#parts;
    this.#setTime();
    try {
      return await this.#read(signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isRefusal(error)) throw this.#namePoisoned(error);
      const { commitLsn, inTransaction } = decoder;
      const isPartlyTaken = inTransaction && this.#taker.isPartlyTaken(commitLsn);
      return { commitLsn, error, isPartlyTaken };
    } finally {
      this.#taker.report(events);
      counted.advance(batcher.received.commitLsn, batcher.received.seq);
    }
  }

  async #read(signal: AbortSignal): Promise<never> {
    const { stream } = this.#parts;
    // What arrived together with the reply to START_REPLICATION is here already. It may be an error, after
    // which nothing follows: the walsender then waits for another command.
    for (;;) {
      let messages = 0;
      for (let kind = stream.next(); kind !== "none"; kind = stream.next()) {
        messages++;
        if (kind === "keepalive") this.#keepalive();
        else {
          const waiting = this.#message(signal);
          if (waiting !== undefined) await waiting;
        }
      }
      this.#report(messages);
      if (this.#parts.snapshots.isWaiting) await this.#fillAndSend(signal);
      else await this.#fillUnlessInterrupted(signal);
    }
  }

  async #fillUnlessInterrupted(signal: AbortSignal): Promise<void> {
    if (this.#interrupting === undefined) {
      this.#interrupting = new AbortController();
      this.#interruptible = AbortSignal.any([signal, this.#interrupting.signal]);
    }
    const interrupting = this.#interrupting.signal;
    try {
      await this.#fill(this.#interruptible!);
    } catch (error) {
      if (error !== INTERRUPTED) throw error;
    }
    // One signal serves for many fills.
    if (interrupting.aborted) this.#interrupting = undefined;
  }

  #namePoisoned(error: unknown): unknown {
    if (!(error instanceof CaptureError) || error.kind !== "poison-change") return error;
    return poisonError(error, this.#descriptions.next, this.#parts.decoder.tables());
  }

  /** Publishes what was received since the last call: once per chunk, not once per row. */
  #report(messages: number): void {
    const { stream, batcher, events } = this.#parts;
    events.received(stream.takeReceivedBytes(), messages);
    this.#taker.report(events);
    if (this.#transactions > 0) events.transactionsFinished(this.#transactions);
    this.#transactions = 0;
    const { records, bytes, oldestCommitTimeMs } = batcher.held;
    events.queued(records, bytes, oldestCommitTimeMs);
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { stream, batcher, clock } = this.#parts;
    batcher.setInputIdle(true);
    this.#waitingSince = clock.now();
    await stream.fill(signal);
    this.#waitingSince = undefined;
    batcher.setInputIdle(false);
    this.#setTime();
  }

  /** Like `#fill`, but sends rows of snapshots while there is nothing to read. */
  async #fillAndSend(signal: AbortSignal): Promise<void> {
    const { snapshots, batcher, decoder } = this.#parts;
    let isFilled = false;
    const ended = new AbortController();
    const filled = this.#fill(signal).finally(() => {
      isFilled = true;
      ended.abort();
    });
    filled.catch(() => {});
    let waited: Promise<void> = Promise.resolve();
    while (!isFilled) {
      if (!decoder.inTransaction && snapshots.isDue) {
        this.#waitingSince = undefined;
        batcher.setInputIdle(false);
        await snapshots.send(true, signal);
        if (isFilled) break;
        this.#waitingSince = this.#parts.clock.now();
        batcher.setInputIdle(true);
      }
      // When the signal aborts, so does the fill.
      waited = snapshots.wait(ended.signal).catch(() => {});
      await Promise.race([filled, waited]);
    }
    await filled;
    // It must end before another wait can begin.
    await waited;
  }

  #setTime(): void {
    const { batcher, decoder, clock } = this.#parts;
    const time = clock.wall();
    decoder.setNow(time);
    batcher.setRecordTime(time);
  }

  #keepalive(): void {
    const { stream, decoder, onKeepalive } = this.#parts;
    // Inside a transaction, its end of WAL may be beyond that transaction's commit.
    onKeepalive(decoder.inTransaction ? null : stream.walEnd, stream.replyRequested);
  }

  /** Returns a promise only if there is something to wait for: most rows need none. */
  #message(signal: AbortSignal): Promise<void> | undefined {
    const { stream, decoder } = this.#parts;
    switch (decoder.decode(stream)) {
      case "change":
        this.#parts.snapshots.changed(stream.bytes);
        return this.#taker.takeAtOnce() ? undefined : this.#taker.takeRemaining(signal);
      case "commit":
        this.#commit();
        return this.#parts.snapshots.isDue ? this.#parts.snapshots.send(false, signal) : undefined;
      case "relation":
        this.#taker.forgetRoutes(decoder.pendingRelation!.id);
        return this.#describe(signal);
      case "begin":
        return this.#begin(signal);
      case "none":
        return undefined;
    }
  }

  #begin(signal: AbortSignal): Promise<void> | undefined {
    const { decoder, deduplicator, refused } = this.#parts;
    deduplicator.begin(decoder.commitLsn, decoder.commitTimeMs);
    if (decoder.commitLsn === refused?.commitLsn) throw refused.error;
    if (this.#partitionsAdded) this.#taker.forgetRoutes();
    this.#partitionsAdded = false;
    const sent = this.#parts.snapshots.begin(decoder.xid, decoder.commitLsn, signal);
    if (!this.#areTypesOld && !this.#descriptions.isDue) return sent;
    return sent === undefined ? this.#describeAll(signal) : sent.then(() => this.#describeAll(signal));
  }

  async #describe(signal: AbortSignal): Promise<void> {
    const { decoder, snapshots } = this.#parts;
    const { id } = decoder.pendingRelation!;
    await this.#descriptions.define(signal);
    snapshots.described(decoder.table(id)!);
  }

  #commit(): void {
    const { decoder, deduplicator, batcher, counted } = this.#parts;
    if (decoder.wasMisread) deduplicator.misread(decoder.commitLsn);
    batcher.advanceEnd(decoder.endLsn);
    // Its last changes may already be in flight; its end should not wait until the slot counts as idle.
    if (decoder.seq > 0) batcher.requestProgress();
    if (counted.isNewTransaction(decoder.commitLsn)) this.#transactions++;
  }

  get #areTypesOld(): boolean {
    return this.#typesChangedAt !== undefined && this.#parts.decoder.commitLsn > this.#typesChangedAt;
  }

  /** Describes relations and looks up routes before a transaction's first change. */
  async #describeAll(signal: AbortSignal): Promise<void> {
    await this.#descriptions.defineDue(signal);
    if (!this.#areTypesOld) return;
    this.#typesChangedAt = undefined;
    await this.#descriptions.refresh(signal);
  }
}
