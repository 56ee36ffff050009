// What becomes visible together: batches that were sent, until one write ends them.

import type { FullBatch } from "./batcher.ts";
import { CommitTimes } from "./commit_times.ts";

/**
 * In a backlog one Kafka transaction takes several batches: ending it costs a broker as much as a batch of a
 * megabyte does (docs/BENCHMARKS.md). Each batch's buffer is free as soon as the batch is sent.
 */
export class DeliveryGroup {
  readonly #lingerMs: number;
  readonly #commitTimes = new CommitTimes();
  #records = 0;
  #bytes = 0;
  #startedAt = 0;

  /** @param lingerMs the longest that a sent batch waits for others */
  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /** Until when others may join, in the time of `now`; undefined while nothing was sent. */
  get joinUntil(): number | undefined {
    return this.#records === 0 ? undefined : this.#startedAt + this.#lingerMs;
  }

  get records(): number {
    return this.#records;
  }

  /** Records' bytes, uncompressed. */
  get bytes(): number {
    return this.#bytes;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  get commitTimes(): CommitTimes {
    return this.#commitTimes;
  }

  /** Whether the batch may be sent without being ended: there is more to come, and it is not too much or too late. */
  mayGoOn(full: FullBatch, now: number): boolean {
    if (!full.isFull || this.#lingerMs === 0) return false;
    return this.#bytes + full.batch.bytes < GROUP_BYTES_MAX && now < (this.joinUntil ?? Infinity);
  }

  /** Counts a batch in. @param startedAt when its sending began */
  add({ batch, commitTimes }: FullBatch, startedAt: number): void {
    if (this.#records === 0) this.#startedAt = startedAt;
    this.#records += batch.count;
    this.#bytes += batch.bytes;
    commitTimes.forEach((timeMs, records) => this.#commitTimes.add(timeMs, records));
  }

  /** All of it is delivered. */
  clear(): void {
    this.#records = 0;
    this.#bytes = 0;
    this.#commitTimes.clear();
  }
}

const GROUP_BYTES_MAX = 8 * 1024 * 1024;
