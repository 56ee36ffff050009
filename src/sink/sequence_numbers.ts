// Numbers the records of an idempotent producer, in each partition for itself.

import type { RecordBatch } from "./record_batch.ts";

/** Sequence numbers by partition: they start at 0, and again after 2^31 - 1. */
export class SequenceNumbers {
  readonly #next = new Map<string, number>();

  /** The number of the batch's first record; the others follow. */
  take({ topic, partition, count }: RecordBatch): number {
    const key = `${topic}/${partition}`;
    const first = this.#next.get(key) ?? 0;
    this.#next.set(key, (first + count) & 0x7fffffff);
    return first;
  }
}
