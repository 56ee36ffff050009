// The buffer between intake and delivery: one batch fills while the other is on its way.

import { CommitTimes } from "./commit_times.ts";
import type { Lsn, Position } from "../core/position.ts";
import { type EncodedRecord, tombstoneOf } from "../core/encoded_record.ts";
import type { Batch, Route } from "./ports.ts";
import { Wakeup } from "../core/wait.ts";

/** When a batch is sent, and how much may be held. */
export interface BatchLimits {
  /** The longest that a record waits for company. */
  readonly lingerMs: number;
  /** Bytes that are enough to send without waiting for the linger time. */
  readonly enoughBytes: number;
  /** Bytes held undelivered, in both batches. */
  readonly bufferBytesMax: number;
  /** Records held undelivered, in both batches. */
  readonly bufferRecordsMax: number;
  /** While no changes come: how long a position that moves by itself waits to be delivered alone. */
  readonly idleProgressMs: number;
}

/** A batch to deliver, and the position that is reached with it. */
export interface FullBatch {
  readonly batch: Batch;
  readonly position: Position;
  /** Commit time of the last record, in milliseconds since 1970. */
  readonly commitTimeMs: number;
  /** Commit times of all its records; valid until the batch is released. */
  readonly commitTimes: CommitTimes;
  /** Whether it was taken because nothing more fitted: then there is more to come at once. */
  readonly isFull: boolean;
}

/**
 * Two batches in turn. Intake appends and says how far it has come; delivery takes. Only one task may call
 * `append` and its kind, and only one `take`.
 */
export class Batcher {
  readonly #limits: BatchLimits;
  readonly #now: () => number;
  readonly #roomMade = new Wakeup();
  readonly #changed = new Wakeup();
  #filling: Batch;
  #spare: Batch | undefined;
  #inFlight: Batch | undefined;
  #commitLsn: Lsn;
  #seq: number;
  #commitTimeMs: number;
  #endLsn: Lsn;
  #takenEndLsn: Lsn;
  #oldestAt = 0;
  #recordTimeMs = 0;
  #oldestCommitTimeMs = 0;
  #inFlightCommitTimeMs = 0;
  #lastCommitTimeMs = 0;
  #commitTimes = new CommitTimes();
  #spareCommitTimes = new CommitTimes();
  #full = false;
  /** Since when intake has been waiting for input; undefined while it is busy. */
  #idleSince: number | undefined;
  #flushing = false;
  #idleDue = false;
  #takenAt: number;

  constructor(limits: BatchLimits, createBatch: () => Batch, start: Position, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#takenAt = now();
    this.#filling = createBatch();
    this.#spare = createBatch();
    this.#commitLsn = start.commitLsn;
    this.#seq = start.seq;
    this.#commitTimeMs = start.commitTimeMs;
    this.#endLsn = this.#takenEndLsn = start.endLsn;
  }

  /** How far intake has come: what is delivered when all that was appended is. */
  get received(): Position {
    return {
      commitLsn: this.#commitLsn,
      seq: this.#seq,
      commitTimeMs: this.#commitTimeMs,
      endLsn: this.#endLsn,
    };
  }

  /** What is held undelivered, the batch in flight included; commit times in milliseconds since 1970, 0 for none. */
  get held(): { readonly bytes: number; readonly records: number; readonly oldestCommitTimeMs: number } {
    return {
      bytes: this.#filling.bytes + (this.#inFlight?.bytes ?? 0),
      records: this.#filling.count + (this.#inFlight?.count ?? 0),
      oldestCommitTimeMs: this.#inFlight !== undefined && this.#inFlight.count > 0
        ? this.#inFlightCommitTimeMs
        : this.#filling.count > 0
        ? this.#oldestCommitTimeMs
        : 0,
    };
  }

  /**
   * Appends the record of the change `(commitLsn, seq)`, and its tombstone where it has one, if there is room.
   * When there is not, `waitForRoom` and try again.
   */
  tryAppend(
    route: Route,
    record: EncodedRecord,
    commitTimeMs: number,
    commitLsn: Lsn,
    seq: number,
    tombstone: boolean,
  ): boolean {
    const filling = this.#filling;
    if (filling.count === 0) {
      this.#oldestAt = this.#now();
      this.#oldestCommitTimeMs = commitTimeMs;
      this.#changed.wake();
    } else if (this.#isFull() || !filling.fits(route, record, tombstone)) {
      this.#full = true;
      this.#changed.wake();
      return false;
    }
    filling.append(route, record, this.#recordTimeMs);
    // A delete and its tombstone have one identity: they are never in two batches.
    if (tombstone) filling.append(route, tombstoneOf(record), this.#recordTimeMs);
    this.#commitLsn = commitLsn;
    this.#seq = seq;
    // A logical message outside of a transaction, number 0, was not committed.
    this.#commitTimeMs = seq === 0 ? 0 : commitTimeMs;
    this.#lastCommitTimeMs = commitTimeMs;
    this.#commitTimes.add(commitTimeMs);
    return true;
  }

  /**
   * The timestamp of the records that are appended from now on, in milliseconds since 1970. It is the time of
   * sending, as with other producers: topics drop records by it, and a backlog's commit times may be long past.
   */
  setRecordTime(timeMs: number): void {
    this.#recordTimeMs = timeMs;
  }

  /**
   * Appends the pointer that stands for the change `(commitLsn, seq)`, and the change's tombstone where it has one.
   * Both have one identity, so they begin a batch, which takes them both; a pointer alone is a record like any.
   */
  tryAppendPointer(
    deadLetters: Route,
    pointer: EncodedRecord,
    tombstone: { readonly route: Route; readonly record: EncodedRecord } | null,
    timestampMs: number,
    commitLsn: Lsn,
    seq: number,
  ): boolean {
    if (tombstone !== null && this.#filling.count > 0) {
      this.#full = true;
      this.#changed.wake();
      return false;
    }
    if (!this.tryAppend(deadLetters, pointer, timestampMs, commitLsn, seq, false)) return false;
    if (tombstone !== null) this.#filling.append(tombstone.route, tombstone.record, timestampMs);
    return true;
  }

  /** Waits until delivery has taken the full batch. */
  async waitForRoom(signal: AbortSignal): Promise<void> {
    while (this.#full) await this.#roomMade.wait(signal);
  }

  /** Says that all transactions up to `endLsn` have come in whole. */
  advanceEnd(endLsn: Lsn): void {
    if (endLsn <= this.#endLsn) return;
    this.#endLsn = endLsn;
    if (this.#filling.count === 0) this.#changed.wake();
  }

  /** Says whether intake is waiting for more: then there is no company to come. */
  setInputIdle(idle: boolean): void {
    if (idle === (this.#idleSince !== undefined)) return;
    this.#idleSince = idle ? this.#now() : undefined;
    if (idle && this.#filling.bytes >= this.#limits.enoughBytes) this.#changed.wake();
  }

  /** The position should be delivered soon, even if no change comes to go with it. */
  requestProgress(): void {
    if (this.#idleDue) return;
    this.#idleDue = true;
    if (this.#filling.count === 0) this.#changed.wake();
  }

  /** From now on, what is there is sent at once. */
  flush(): void {
    this.#flushing = true;
    this.#changed.wake();
  }

  /**
   * The next batch to deliver, when it is time; null when it was flushed and all is delivered. The one taken
   * before must have been released.
   * @param joinUntil the batch is to join others that were sent before. It is then time when it is full, at that
   *   moment, or when no more has come for a while, and the batch may be empty
   */
  async take(signal: AbortSignal, joinUntil?: number): Promise<FullBatch | null> {
    for (;;) {
      const waitMs = joinUntil === undefined ? this.#waitMs() : this.#joinMs(joinUntil);
      if (waitMs <= 0) return this.#takeNow();
      if (this.#flushing) return null;
      await this.#changed.wait(signal, waitMs === Infinity ? undefined : waitMs);
    }
  }

  /** Takes a delivered batch back. */
  release(batch: Batch): void {
    batch.clear();
    this.#spare = batch;
    this.#inFlight = undefined;
  }

  #takeNow(): FullBatch {
    const batch = this.#filling;
    if (this.#spare === undefined) throw new Error("the batch taken before was not released");
    this.#filling = this.#spare;
    this.#spare = undefined;
    this.#inFlight = batch;
    this.#inFlightCommitTimeMs = this.#oldestCommitTimeMs;
    const commitTimes = this.#commitTimes;
    this.#commitTimes = this.#spareCommitTimes;
    this.#commitTimes.clear();
    this.#spareCommitTimes = commitTimes;
    const isFull = this.#full;
    this.#full = false;
    this.#idleDue = false;
    this.#takenEndLsn = this.#endLsn;
    this.#takenAt = this.#now();
    this.#roomMade.wake();
    return { batch, position: this.received, commitTimeMs: this.#lastCommitTimeMs, commitTimes, isFull };
  }

  /** As #waitMs, for a batch that others wait for. */
  #joinMs(until: number): number {
    if (this.#full || this.#flushing) return 0;
    const now = this.#now();
    return Math.min(until, (this.#idleSince ?? now) + PAUSE_MS) - now;
  }

  /** How long until it is time to deliver: 0 now, Infinity not before something changes. */
  #waitMs(): number {
    const { count, bytes } = this.#filling;
    if (count === 0) {
      if (this.#endLsn <= this.#takenEndLsn) return Infinity;
      if (this.#flushing) return 0;
      return this.#takenAt + (this.#idleDue ? SOON_MS : this.#limits.idleProgressMs) - this.#now();
    }
    if (this.#full || this.#flushing) return 0;
    if (this.#idleSince !== undefined && bytes >= this.#limits.enoughBytes) return 0;
    return this.#oldestAt + this.#limits.lingerMs - this.#now();
  }

  #isFull(): boolean {
    const { bufferBytesMax, bufferRecordsMax } = this.#limits;
    const held = this.#inFlight;
    return this.#filling.count + (held?.count ?? 0) >= bufferRecordsMax ||
      this.#filling.bytes + (held?.bytes ?? 0) >= bufferBytesMax;
  }
}

// At most so often a position is delivered alone, however often it is asked for.
const SOON_MS = 100;
// Between two chunks of a backlog it never takes that long: the source rests for 8 ms (source/read_pace.ts).
const PAUSE_MS = 20;
