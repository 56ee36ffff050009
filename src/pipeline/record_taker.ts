// Takes the records of one message into the batch: at once if possible, otherwise after removing the
// obstacle.

import { type EncodedRecord, tombstoneOf } from "../core/encoded_record.ts";
import type { CaptureError } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import { isTooLarge, MessageTooLarge } from "../core/record_too_large.ts";
import { TopicConflict } from "../core/topic_conflict.ts";
import type { ChangeDecoder, RecordTarget } from "../decoder/change_decoder.ts";
import { CompositeMismatch } from "../decoder/composite_mismatch.ts";
import type { Batcher } from "./batcher.ts";
import type { CountedUpTo } from "./counted.ts";
import type { Deduplicator } from "./deduplicator.ts";
import type { CaptureEvents } from "./events.ts";
import type { OversizeAction } from "./oversize.ts";
import type { ReplicationStream, Route } from "./ports.ts";
import { RecordCounts } from "./record_counts.ts";
import { Routes } from "./routes.ts";
import { deadLetterOf, refusalOf, type Unsendable } from "./unsendable.ts";

export interface RecordTakerParts {
  readonly stream: ReplicationStream;
  readonly decoder: ChangeDecoder;
  readonly batcher: Batcher;
  /** Recognizes changes that are delivered already. */
  readonly deduplicator: Deduplicator;
  /** Keeps changes that an earlier session counted from being counted again. */
  readonly counted: CountedUpTo;
  readonly oversize: OversizeAction;
  readonly events: CaptureEvents;
  /** The route of a table, of logical messages or of dead letters; creates the topic if it does not exist. */
  readonly routeOf: (target: RecordTarget | "dead-letter", signal: AbortSignal) => Promise<Route>;
  /** Describes the current record's table again, after a composite value did not fit. */
  readonly describeAgain: (found: CompositeMismatch, signal: AbortSignal) => Promise<void>;
}

export class RecordTaker {
  readonly #parts: RecordTakerParts;
  readonly #routes: Routes;
  readonly #encoded = new RecordCounts();
  #isRecounting = true;
  /** Why the current record could not be taken at once, unless there was just no room or no route yet. */
  #obstacle: CompositeMismatch | Unsendable | undefined;
  /** The transaction of the last record that was taken; 0 before the first. */
  #takenOf: Lsn = 0n;

  constructor(parts: RecordTakerParts) {
    this.#parts = parts;
    this.#routes = new Routes(parts.routeOf);
  }

  /** Whether a part of this transaction was taken from the stream. */
  isPartlyTaken(commitLsn: Lsn): boolean {
    return this.#takenOf === commitLsn;
  }

  /** Routes are looked up again: all, or that of one relation. */
  forgetRoutes(relationId?: number): void {
    if (relationId === undefined) this.#routes.clear();
    else this.#routes.forget(relationId);
  }

  /** Publishes the counts since the last call. */
  report(events: CaptureEvents): void {
    this.#encoded.report(events);
  }

  /** Takes the message's records, up to one that cannot be taken at once. @returns false if there is one */
  takeAtOnce(): boolean {
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

  /**
   * Takes the record that could not be taken at once, and the message's other records.
   * @throws CaptureError of a change that cannot be sent
   */
  async takeRemaining(signal: AbortSignal): Promise<void> {
    do {
      if (this.#obstacle === undefined) await this.#appendLater(signal);
      const obstacle = this.#obstacle;
      this.#obstacle = undefined;
      if (obstacle instanceof CompositeMismatch) await this.#parts.describeAgain(obstacle, signal);
      else if (obstacle !== undefined) await this.#appendPointer(obstacle, signal);
    } while (!this.takeAtOnce());
  }

  /** Drops or appends the decoder's record, if that is possible at once. */
  #takeRecord(): boolean {
    const { decoder, deduplicator, stream } = this.#parts;
    if (deduplicator.isDelivered(decoder.commitLsn, decoder.seq)) return true;
    if (stream.omittedBytes > 0) throw new MessageTooLarge(stream.omittedBytes);
    const route = this.#routes.known(decoder.target);
    return route !== undefined && this.#append(route);
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
    const { record, commitTimeMs, commitLsn, seq, tombstone, target } = decoder;
    const isAppended = batcher.tryAppend(
      route,
      record,
      commitTimeMs,
      commitLsn,
      seq,
      tombstone,
      // A transaction that contains only messages may not be sent again once messages are no longer captured.
      target !== "message",
    );
    if (isAppended) this.#count();
    return isAppended;
  }

  #count(): void {
    const { decoder, counted } = this.#parts;
    this.#takenOf = decoder.commitLsn;
    if (this.#isRecounting) {
      this.#isRecounting = counted.includes(decoder.commitLsn, decoder.seq);
      if (this.#isRecounting) return;
    }
    this.#encoded.count(decoder.target, decoder.operation);
  }

  /**
   * Appends a pointer in place of the current record, which cannot be sent.
   * @throws CaptureError unless configured
   */
  async #appendPointer(found: Unsendable, signal: AbortSignal): Promise<void> {
    const { decoder, batcher, routeOf, oversize, events } = this.#parts;
    const error: CaptureError = refusalOf(decoder, found);
    if (oversize === "stop") throw error;
    const route = decoder.tombstone ? await this.#routes.of(decoder.target, signal) : null;
    const tombstone = route === null || route instanceof TopicConflict
      ? null
      : { route, record: copyOf(tombstoneOf(decoder.record)) };
    const deadLetters = await routeOf("dead-letter", signal);
    decoder.replaceWithPointer(deadLetterOf(decoder, found));
    const { record, commitTimeMs, commitLsn, seq } = decoder;
    const isOfTransaction = decoder.target !== "message";
    while (
      !batcher.tryAppendPointer(deadLetters, record, tombstone, commitTimeMs, commitLsn, seq, isOfTransaction)
    ) {
      await batcher.waitForRoom(signal);
    }
    this.#count();
    events.deadLettered(error);
  }
}

/** The decoder reuses its buffer for the next record. */
function copyOf(tombstone: EncodedRecord): EncodedRecord {
  return { ...tombstone, bytes: tombstone.bytes.slice(0, Math.max(0, tombstone.keyEnd)) };
}
