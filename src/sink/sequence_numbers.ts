// Numbers the records of an idempotent producer, separately in each partition.

import type { RecordBatch } from "./record_batch.ts";

/** Sequence numbers by partition. They start at 0, and wrap around after 2^31 - 1. */
export class SequenceNumbers {
  readonly #next = new Map<string, number>();

  /** Takes numbers for the whole batch. @returns that of its first record */
  take({ topic, partition, count }: RecordBatch): number {
    const key = `${topic}/${partition}`;
    const first = this.#next.get(key) ?? 0;
    this.#next.set(key, (first + count) & 0x7fffffff);
    return first;
  }
}
