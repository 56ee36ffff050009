// The buffer between intake and delivery: one batch fills while the other one is in flight.

import type { Clock } from "../core/clock.ts";
import { CommitTimes } from "./commit_times.ts";
import type { Lsn, Position } from "../core/position.ts";
import type { SnapshotNotes } from "../core/snapshot_state.ts";
import { type EncodedRecord, tombstoneOf } from "../core/encoded_record.ts";
import type { Batch, Route } from "./ports.ts";
import { Wakeup } from "../core/wakeup.ts";

/** A position is delivered alone at most this often, however often it is requested. */
const SOON_MS = 100;
/** Longer than the pause between two chunks of a backlog: the source rests for 8 ms (source/read_pace.ts). */
const PAUSE_MS = 20;

/** When a batch is sent, and how much may be held. */
export interface BatchLimits {
  /** The longest time that a record waits for its batch to fill. */
  readonly lingerMs: number;
  /** With this many bytes, a batch is sent without waiting for the linger time. */
  readonly enoughBytes: number;
  /** Bytes held undelivered, in both batches. */
  readonly bufferBytesMax: number;
  /** Records held undelivered, in both batches. */
  readonly bufferRecordsMax: number;
  /** How long a position that advances without changes waits to be delivered alone. */
  readonly idleProgressMs: number;
}

/** A batch to deliver, and the position that its delivery reaches. */
export interface FullBatch {
  readonly batch: Batch;
  readonly position: Position;
  /** Commit time of the last change, in milliseconds since 1970; 0 if there was none in this session. */
  readonly commitTimeMs: number;
  /** Commit times of all its changes; valid until the batch is released. */
  readonly commitTimes: CommitTimes;
  /** Whether it was taken because nothing more fitted, so that more follows at once. */
  readonly isFull: boolean;
  /** The notes delivered with its records. */
  readonly notes: SnapshotNotes | undefined;
}

/** The source of the notes that accompany each batch. */
export interface NoteSource {
  /** The changes since the last call, as of the last record appended. */
  takeNotes(): SnapshotNotes | undefined;
}

/**
 * Alternates between two batches. Only one task, intake, may append and advance; only one, delivery, may
 * take.
 */
export class Batcher {
  readonly #limits: BatchLimits;
  readonly #clock: Pick<Clock, "now" | "sleep">;
  readonly #roomMade: Wakeup;
  readonly #changed: Wakeup;
  #filling: Batch;
  #spare: Batch | undefined;
  #inFlight: Batch | undefined;
  #commitLsn: Lsn;
  #seq: number;
  #commitTimeMs: number;
  #endLsn: Lsn;
  #streamedTo: Lsn;
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
  #notes: NoteSource | undefined;
  #notesDue = false;

  /** @param streamsFrom where the stream begins; delivered changes may be streamed again */
  constructor(
    limits: BatchLimits,
    createBatch: () => Batch,
    start: Position,
    clock: Pick<Clock, "now" | "sleep">,
    streamsFrom: Lsn = start.endLsn,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#roomMade = new Wakeup(clock);
    this.#changed = new Wakeup(clock);
    this.#takenAt = clock.now();
    this.#filling = createBatch();
    this.#spare = createBatch();
    this.#commitLsn = start.commitLsn;
    this.#seq = start.seq;
    this.#commitTimeMs = start.commitTimeMs;
    this.#endLsn = this.#takenEndLsn = start.endLsn;
    this.#streamedTo = streamsFrom;
  }

  /** The position of intake, which delivery reaches once everything appended is delivered. */
  get received(): Position {
    return {
      commitLsn: this.#commitLsn,
      seq: this.#seq,
      commitTimeMs: this.#commitTimeMs,
      endLsn: this.#endLsn,
    };
  }

  /** Whether the stream has passed everything delivered before it began. */
  get isCaughtUp(): boolean {
    return this.#streamedTo >= this.#endLsn;
  }

  /**
   * The undelivered data, including the batch in flight, and the commit time of its oldest change in
   * milliseconds since 1970, or 0 if there is none.
   */
  get held(): { readonly bytes: number; readonly records: number; readonly oldestCommitTimeMs: number } {
    const inFlight = this.#inFlight;
    return {
      bytes: this.#filling.bytes + (inFlight?.bytes ?? 0),
      records: this.#filling.count + (inFlight?.count ?? 0),
      oldestCommitTimeMs: (inFlight === undefined ? 0 : this.#inFlightCommitTimeMs) ||
        this.#oldestCommitTimeMs,
    };
  }

  /** Each batch is delivered with the notes of this source. */
  attachNotes(notes: NoteSource): void {
    this.#notes = notes;
  }

  /** Requests delivery of the notes soon, even without records. */
  requestNotes(): void {
    if (this.#notesDue) return;
    this.#notesDue = true;
    if (this.#filling.count === 0) this.#changed.wake();
  }

  /**
   * Appends the record of the change `(commitLsn, seq)`, and its tombstone if it has one.
   * @param commitTimeMs in milliseconds since 1970; 0 for the row of a snapshot, which no commit waits for:
   *   it counts neither as latency nor as lag
   * @param isOfTransaction whether a transaction commits at `commitLsn`, so that it has to be streamed again
   *   from there
   * @returns false if there is no room: call `waitForRoom` and try again
   */
  tryAppend(
    route: Route,
    record: EncodedRecord,
    commitTimeMs: number,
    commitLsn: Lsn,
    seq: number,
    tombstone: boolean,
    isOfTransaction: boolean,
  ): boolean {
    const filling = this.#filling;
    if (filling.count === 0) {
      this.#oldestAt = this.#clock.now();
      this.#changed.wake();
    } else if (this.#isFull() || !filling.fits(route, record, tombstone)) {
      this.#full = true;
      this.#changed.wake();
      return false;
    }
    filling.append(route, record, this.#recordTimeMs);
    // A delete and its tombstone share one identity, so they are never in two batches.
    if (tombstone) filling.append(route, tombstoneOf(record), this.#recordTimeMs);
    this.#commitLsn = commitLsn;
    this.#seq = seq;
    this.#commitTimeMs = isOfTransaction ? commitTimeMs : 0;
    if (commitTimeMs === 0) return true;
    if (this.#oldestCommitTimeMs === 0) this.#oldestCommitTimeMs = commitTimeMs;
    this.#lastCommitTimeMs = commitTimeMs;
    this.#commitTimes.add(commitTimeMs);
    return true;
  }

  /**
   * The timestamp of the records that are appended from now on, in milliseconds since 1970. It is the time of
   * sending, as with other producers, because topics expire records by it and commit times in a backlog may
   * be long past.
   */
  setRecordTime(timeMs: number): void {
    this.#recordTimeMs = timeMs;
  }

  /**
   * Appends the pointer to the change `(commitLsn, seq)`, and the change's tombstone if it has one. The two
   * share one identity, so they start a batch, which has room for both.
   */
  tryAppendPointer(
    deadLetters: Route,
    pointer: EncodedRecord,
    tombstone: { readonly route: Route; readonly record: EncodedRecord } | null,
    commitTimeMs: number,
    commitLsn: Lsn,
    seq: number,
    isOfTransaction: boolean,
  ): boolean {
    if (tombstone !== null && this.#filling.count > 0) {
      this.#full = true;
      this.#changed.wake();
      return false;
    }
    if (!this.tryAppend(deadLetters, pointer, commitTimeMs, commitLsn, seq, false, isOfTransaction)) {
      return false;
    }
    if (tombstone !== null) this.#filling.append(tombstone.route, tombstone.record, this.#recordTimeMs);
    return true;
  }

  /** Waits until delivery has taken the full batch. */
  async waitForRoom(signal: AbortSignal): Promise<void> {
    while (this.#full) await this.#roomMade.wait(signal);
  }

  /** Records that all transactions up to `endLsn` were received completely. */
  advanceEnd(endLsn: Lsn): void {
    if (endLsn > this.#streamedTo) this.#streamedTo = endLsn;
    if (endLsn <= this.#endLsn) return;
    this.#endLsn = endLsn;
    if (this.#filling.count === 0) this.#changed.wake();
  }

  /** Whether intake is waiting for bytes, so that nothing fills the batch. */
  setInputIdle(idle: boolean): void {
    if (idle === (this.#idleSince !== undefined)) return;
    this.#idleSince = idle ? this.#clock.now() : undefined;
    if (idle && this.#filling.bytes >= this.#limits.enoughBytes) this.#changed.wake();
  }

  /** Delivers the position soon, even if no change comes with it. */
  requestProgress(): void {
    if (this.#idleDue) return;
    this.#idleDue = true;
    if (this.#filling.count === 0) this.#changed.wake();
  }

  /** Makes every batch due at once from now on. */
  flush(): void {
    this.#flushing = true;
    this.#changed.wake();
  }

  /**
   * Waits until the next batch is due. The batch that was taken before must have been released.
   * @param joinUntil set if the batch joins others that were sent before. It is then due when it is full, at
   *   that time, or when nothing has arrived for a while, and can be empty
   * @returns null when the batcher was flushed and everything is delivered
   */
  async take(signal: AbortSignal, joinUntil?: number): Promise<FullBatch | null> {
    for (;;) {
      const waitMs = joinUntil === undefined ? this.#waitMs() : this.#joinMs(joinUntil);
      if (waitMs <= 0) return this.#takeNow();
      if (this.#flushing) return null;
      await this.#changed.wait(signal, waitMs === Infinity ? undefined : waitMs);
    }
  }

  /** Returns a delivered batch. */
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
    this.#oldestCommitTimeMs = 0;
    const commitTimes = this.#commitTimes;
    this.#commitTimes = this.#spareCommitTimes;
    this.#commitTimes.clear();
    this.#spareCommitTimes = commitTimes;
    const isFull = this.#full;
    this.#full = false;
    this.#idleDue = false;
    this.#notesDue = false;
    this.#takenEndLsn = this.#endLsn;
    this.#takenAt = this.#clock.now();
    this.#roomMade.wake();
    return {
      batch,
      position: this.received,
      commitTimeMs: this.#lastCommitTimeMs,
      commitTimes,
      isFull,
      notes: this.#notes?.takeNotes(),
    };
  }

  /** As `#waitMs`, for a batch that others wait for. */
  #joinMs(until: number): number {
    if (this.#full || this.#flushing) return 0;
    const now = this.#clock.now();
    return Math.min(until, (this.#idleSince ?? now) + PAUSE_MS) - now;
  }

  /** How long until a batch is due: 0 for now, Infinity for not before something changes. */
  #waitMs(): number {
    const { count, bytes } = this.#filling;
    if (count === 0) {
      if (this.#endLsn <= this.#takenEndLsn && !this.#notesDue) return Infinity;
      if (this.#flushing || this.#notesDue) return 0;
      return this.#takenAt + (this.#idleDue ? SOON_MS : this.#limits.idleProgressMs) - this.#clock.now();
    }
    if (this.#full || this.#flushing) return 0;
    if (this.#idleSince !== undefined && bytes >= this.#limits.enoughBytes) return 0;
    return this.#oldestAt + this.#limits.lingerMs - this.#clock.now();
  }

  #isFull(): boolean {
    const { bufferBytesMax, bufferRecordsMax } = this.#limits;
    const held = this.#inFlight;
    return this.#filling.count + (held?.count ?? 0) >= bufferRecordsMax ||
      this.#filling.bytes + (held?.bytes ?? 0) >= bufferBytesMax;
  }
}
