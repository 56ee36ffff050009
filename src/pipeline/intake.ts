// The first task: reads the stream, decodes, and fills the batches.

import type { ChangeDecoder, RecordTarget } from "../decoder/change_decoder.ts";
import { CompositeMismatch } from "../decoder/formats/json/malformed.ts";
import { type EncodedRecord, tombstoneOf } from "../core/encoded_record.ts";
import { CaptureError } from "../core/errors.ts";
import type { Batcher } from "./batcher.ts";
import type { CountedUpTo } from "./counted.ts";
import type { Deduplicator } from "./deduplicator.ts";
import type { Observer } from "./observer.ts";
import { isTooLarge, MessageTooLarge } from "../core/record_too_large.ts";
import type { TableName } from "../core/table_name.ts";
import type { OversizeAction } from "./oversize.ts";
import { poisonError } from "./poison.ts";
import type { Lsn } from "../core/position.ts";
import type { ReplicationStream, Route, SourceSession } from "./ports.ts";
import { RelationDescriptions, type RelationsParts } from "./relation_descriptions.ts";
import { RecordCounts } from "./record_counts.ts";
import { Routes } from "./routes.ts";
import { tablesAhead } from "./tables_ahead.ts";
import { TopicConflict } from "../core/topic_conflict.ts";
import { deadLetterOf, isRefusal, refusalOf, type Unsendable } from "./unsendable.ts";

/** What intake works with. */
export interface IntakeParts {
  readonly stream: ReplicationStream;
  readonly session: SourceSession;
  readonly decoder: ChangeDecoder;
  readonly relations: RelationsParts;
  readonly batcher: Batcher;
  /** The topic of a table, of logical messages, or of pointers to what was too large, made when it is not there. */
  readonly routeOf: (
    target: RecordTarget | "dead-letter",
    signal: AbortSignal,
    soon: readonly TableName[],
  ) => Promise<Route>;
  readonly oversize: OversizeAction;
  /** Told of each change that a pointer stands for. */
  readonly onDeadLetter: (found: CaptureError) => void;
  /** Knows what is delivered already. */
  readonly deduplicator: Deduplicator;
  /** What was counted in an earlier session and comes again is not counted again. */
  readonly counted: CountedUpTo;
  readonly observer: Observer;
  /** Milliseconds since any moment; never goes back. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /**
   * Called for each keepalive.
   * @param walEnd all that commits below it has come; null in the middle of a transaction, where it says nothing
   */
  readonly onKeepalive: (walEnd: Lsn | null, replyRequested: boolean) => void;
}

/** Runs until the signal aborts, a change can't be sent, or the stream fails. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #routes: Routes;
  readonly #encoded = new RecordCounts();
  #transactions = 0;
  #recounting = true;
  #waitingSince: number | undefined;
  /** Why the current record could not be taken at once, where it is not a matter of room. */
  #obstacle: CompositeMismatch | Unsendable | undefined;
  readonly #descriptions: RelationDescriptions;
  /** Composite types were altered up to here; undefined: not that it were known. */
  #typesChangedAt: Lsn | undefined;
  #partitionsAdded = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#descriptions = new RelationDescriptions(parts.session, parts.decoder, parts.relations);
    this.#routes = new Routes((target, signal) => parts.routeOf(target, signal, tablesAhead(parts.stream)));
  }

  /** Since when intake has been waiting for bytes, in milliseconds; undefined while it is busy. */
  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  /** Relations are to be described again before the first transaction that commits after `asOf`. */
  typesChanged(asOf: Lsn): void {
    this.#typesChangedAt = asOf;
  }

  /** Routes are to be looked up again before the next transaction: all its rows go by the same number of partitions. */
  partitionsAdded(): void {
    this.#partitionsAdded = true;
  }

  /**
   * @returns undefined when the signal aborts; the error of a change that can't be sent: all that came before it is
   *   in the batcher, nothing of it is
   * @throws CaptureError when the stream fails, or something is wrong with what it gives
   */
  async run(signal: AbortSignal): Promise<CaptureError | undefined> {
    const { stream } = this.#parts;
    this.#setTime();
    try {
      // What came together with the answer to START_REPLICATION is here already. It may be an error, and the last
      // that comes: the walsender then waits for another command.
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
        await this.#fill(signal);
      }
    } catch (error) {
      if (signal.aborted) return undefined;
      if (isRefusal(error)) return error;
      throw this.#named(error);
    } finally {
      const { batcher, observer, counted } = this.#parts;
      this.#encoded.report(observer);
      counted.advance(batcher.received.commitLsn, batcher.received.seq);
    }
  }

  #named(error: unknown): unknown {
    if (!(error instanceof CaptureError) || error.kind !== "poison-change") return error;
    return poisonError(error, this.#descriptions.next, this.#parts.decoder.tables);
  }

  /** Tells the observer what came since the last time: once a chunk, not once a row. */
  #report(messages: number): void {
    const { stream, batcher, observer } = this.#parts;
    observer.received(stream.takeReceivedBytes(), messages);
    this.#encoded.report(observer);
    if (this.#transactions > 0) observer.transactionsFinished(this.#transactions);
    this.#transactions = 0;
    const { records, bytes, oldestCommitTimeMs } = batcher.held;
    observer.queued(records, bytes, oldestCommitTimeMs);
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { stream, batcher, now } = this.#parts;
    batcher.setInputIdle(true);
    this.#waitingSince = now();
    await stream.fill(signal);
    this.#waitingSince = undefined;
    batcher.setInputIdle(false);
    this.#setTime();
  }

  #setTime(): void {
    const { batcher, decoder, wallClock } = this.#parts;
    const time = wallClock();
    decoder.setNow(time);
    batcher.setRecordTime(time);
  }

  #keepalive(): void {
    const { stream, decoder, onKeepalive } = this.#parts;
    // In the middle of a transaction its end of WAL may lie beyond that transaction's commit.
    onKeepalive(decoder.inTransaction ? null : stream.walEnd, stream.replyRequested);
  }

  /** Gives a promise only where there is something to wait for: a row as a rule takes none. */
  #message(signal: AbortSignal): Promise<void> | undefined {
    const { stream, decoder, batcher } = this.#parts;
    switch (decoder.decode(stream)) {
      case "change":
        return this.#takeRecords() ? undefined : this.#takeRemaining(signal);
      case "commit":
        if (decoder.wasMisread) this.#parts.deduplicator.misread(decoder.commitLsn);
        batcher.advanceEnd(decoder.endLsn);
        // Its last changes may be on their way already: its end should not wait until the slot counts as idle.
        if (decoder.seq > 0) batcher.requestProgress();
        if (this.#parts.counted.isNewTransaction(decoder.commitLsn)) this.#transactions++;
        return undefined;
      case "relation":
        this.#routes.clear();
        return this.#descriptions.define(signal);
      case "begin":
        this.#parts.deduplicator.begin(decoder.commitLsn, decoder.commitTimeMs);
        if (this.#partitionsAdded) this.#routes.clear();
        this.#partitionsAdded = false;
        return this.#areTypesOld || this.#descriptions.isDue ? this.#describeAll(signal) : undefined;
      case "none":
        return undefined;
    }
  }

  /** Takes the message's records, up to one that can't be taken at once: then false. */
  #takeRecords(): boolean {
    const { decoder } = this.#parts;
    try {
      while (decoder.nextRecord()) {
        if (!this.#takeRecord()) return false;
      }
      return true;
    } catch (error) {
      if (!(error instanceof CompositeMismatch || isTooLarge(error))) throw error;
      this.#obstacle = error;
      return false;
    }
  }

  /** Drops or appends the decoder's record, if that can be done at once. */
  #takeRecord(): boolean {
    const { decoder, deduplicator, stream } = this.#parts;
    if (deduplicator.isDelivered(decoder.commitLsn, decoder.seq)) return true;
    if (stream.omittedBytes > 0) throw new MessageTooLarge(stream.omittedBytes);
    const route = this.#routes.known(decoder.target);
    return route !== undefined && this.#append(route);
  }

  /** The current record, which something was in the way of, and the message's others. */
  async #takeRemaining(signal: AbortSignal): Promise<void> {
    do {
      if (this.#obstacle === undefined) await this.#appendLater(signal);
      const obstacle = this.#obstacle;
      this.#obstacle = undefined;
      if (obstacle instanceof CompositeMismatch) await this.#describeAgain(obstacle, signal);
      else if (obstacle !== undefined) await this.#appendPointer(obstacle, signal);
    } while (!this.#takeRecords());
  }

  async #appendLater(signal: AbortSignal): Promise<void> {
    const { batcher, decoder } = this.#parts;
    const route = await this.#routes.of(decoder.target, signal);
    if (route instanceof TopicConflict) {
      this.#obstacle = route;
      return;
    }
    try {
      while (!this.#append(route)) await batcher.waitForRoom(signal);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      this.#obstacle = error;
    }
  }

  #append(route: Route): boolean {
    const { decoder, batcher } = this.#parts;
    const appended = batcher.tryAppend(
      route,
      decoder.record,
      decoder.commitTimeMs,
      decoder.commitLsn,
      decoder.seq,
      decoder.tombstone,
    );
    if (appended) this.#count();
    return appended;
  }

  #count(): void {
    const { decoder, counted } = this.#parts;
    if (this.#recounting) {
      this.#recounting = counted.includes(decoder.commitLsn, decoder.seq);
      if (this.#recounting) return;
    }
    this.#encoded.count(decoder.target, decoder.operation);
  }

  /** In the place of the current record, which can't be sent, a pointer to it, if that is what was asked for. */
  async #appendPointer(found: Unsendable, signal: AbortSignal): Promise<void> {
    const { decoder, batcher, routeOf, oversize, onDeadLetter } = this.#parts;
    const error = refusalOf(decoder, found);
    if (oversize === "stop") throw error;
    const route = decoder.tombstone ? await this.#routes.of(decoder.target, signal) : null;
    const tombstone = route === null || route instanceof TopicConflict
      ? null
      : { route, record: copyOf(tombstoneOf(decoder.record)) };
    const deadLetters = await routeOf("dead-letter", signal, []);
    decoder.replaceWithPointer(deadLetterOf(decoder, found));
    const { record, commitTimeMs, commitLsn, seq } = decoder;
    while (!batcher.tryAppendPointer(deadLetters, record, tombstone, commitTimeMs, commitLsn, seq)) {
      await batcher.waitForRoom(signal);
    }
    this.#count();
    onDeadLetter(error);
  }

  get #areTypesOld(): boolean {
    return this.#typesChangedAt !== undefined && this.#parts.decoder.commitLsn > this.#typesChangedAt;
  }

  /** Before a transaction's first change. */
  async #describeAll(signal: AbortSignal): Promise<void> {
    this.#routes.clear();
    await this.#descriptions.defineDue(signal);
    if (!this.#areTypesOld) return;
    this.#typesChangedAt = undefined;
    await this.#descriptions.refresh(signal);
  }

  async #describeAgain(found: CompositeMismatch, signal: AbortSignal): Promise<void> {
    this.#routes.clear();
    await this.#descriptions.again(found, signal);
  }
}

/** The buffers of a record are reused for the next. */
function copyOf(tombstone: EncodedRecord): EncodedRecord {
  return { ...tombstone, bytes: tombstone.bytes.slice(0, Math.max(0, tombstone.keyEnd)) };
}
