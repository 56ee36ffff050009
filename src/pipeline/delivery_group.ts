// Batches that become visible together: they are sent one by one, and one write commits them.

import type { SnapshotNotes, SnapshotState } from "../core/snapshot_state.ts";
import { tableText } from "../core/table_name.ts";
import type { FullBatch } from "./batcher.ts";
import { CommitTimes } from "./commit_times.ts";

const GROUP_BYTES_MAX = 8 * 1024 * 1024;

/**
 * In a backlog one Kafka transaction takes several batches, because committing it costs a broker as much as a
 * batch of a megabyte (docs/BENCHMARKS.md). The buffer of each batch is free as soon as the batch is sent.
 */
export class DeliveryGroup {
  readonly #lingerMs: number;
  readonly #commitTimes = new CommitTimes();
  #records = 0;
  #bytes = 0;
  #startedAt = 0;
  /** The last state of each table. */
  readonly #states = new Map<string, SnapshotState>();
  /** The notes without the states. */
  #notes: SnapshotNotes | undefined;

  /** @param lingerMs the longest time that a sent batch waits for others */
  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /** Until when others may join, in the clock's milliseconds; undefined if nothing was sent. */
  get joinUntil(): number | undefined {
    return this.#records === 0 ? undefined : this.#startedAt + this.#lingerMs;
  }

  get records(): number {
    return this.#records;
  }

  /** The size of the records, uncompressed. */
  get bytes(): number {
    return this.#bytes;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  get commitTimes(): CommitTimes {
    return this.#commitTimes;
  }

  /** The notes of all its batches. */
  get notes(): SnapshotNotes | undefined {
    if (this.#notes === undefined) return undefined;
    return { ...this.#notes, states: [...this.#states.values()] };
  }

  /**
   * Whether the batch may be sent without a commit: more follows, and the group is neither too large nor too
   * old.
   */
  mayGoOn(full: FullBatch, now: number): boolean {
    if (!full.isFull || this.#lingerMs === 0) return false;
    return this.#bytes + full.batch.bytes < GROUP_BYTES_MAX && now < (this.joinUntil ?? Infinity);
  }

  /** Adds a batch. @param startedAt when sending it began */
  add({ batch, commitTimes, notes }: FullBatch, startedAt: number): void {
    if (this.#records === 0) this.#startedAt = startedAt;
    if (notes !== undefined) this.#addNotes(notes);
    this.#records += batch.count;
    this.#bytes += batch.bytes;
    commitTimes.forEach((timeMs, records) => this.#commitTimes.add(timeMs, records));
  }

  /** Empties the group after everything in it is delivered. */
  clear(): void {
    this.#records = 0;
    this.#bytes = 0;
    this.#commitTimes.clear();
    this.#states.clear();
    this.#notes = undefined;
  }

  #addNotes(notes: SnapshotNotes): void {
    for (const state of notes.states) this.#states.set(tableText(state), state);
    const requestsTaken = notes.requestsTaken ?? this.#notes?.requestsTaken ?? null;
    this.#notes = { ...this.#notes, ...notes, requestsTaken };
  }
}
