// A batch of the pipeline: one record batch for each partition that its records go to.

import { RecordTooLarge } from "../core/record_too_large.ts";
import { type EncodedRecord, tombstoneOf } from "../core/encoded_record.ts";
import type { Batch, Route } from "../pipeline/ports.ts";
import type { ArenaPool } from "./arena_pool.ts";
import { partitionOf } from "./murmur2.ts";
import { BATCH_HEADER_BYTES, lengthAlone, RecordBatch, recordLengthMax } from "./record_batch.ts";

export interface BatchLimits {
  /** The limit of one partition's record batch, including its header, uncompressed. */
  readonly maxMessageBytes: number;
  /** The limit of all records together, uncompressed. */
  readonly batchBytesMax: number;
}

/**
 * Record batches of more topics than this are created again for the next batch, so that old topics take no
 * memory.
 */
const TOPICS_KEPT_MAX = 500;

/** Record batches by topic and partition; which partition a record goes to follows from its key. */
export class PartitionedBatch implements Batch {
  readonly #limits: BatchLimits;
  readonly #pool: ArenaPool;
  readonly #topics = new Map<string, (RecordBatch | undefined)[]>();
  readonly #filled: RecordBatch[] = [];
  #lastTopic = "";
  #lastBatches: (RecordBatch | undefined)[] = [];
  #count = 0;
  #bytes = 0;

  constructor(limits: BatchLimits, pool: ArenaPool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The record batches that hold records, in the order of their first ones. */
  get filled(): readonly RecordBatch[] {
    return this.#filled;
  }

  fits(route: Route, record: EncodedRecord, withTombstone: boolean): boolean {
    if (this.#count === 0) return true;
    const batch = this.#batches(route)[partitionOf(record.bytes, record.keyEnd, route.partitions)];
    const tombstoneBytes = withTombstone ? recordLengthMax(tombstoneOf(record)) : 0;
    if (batch === undefined || batch.count === 0) {
      const length = lengthAlone(record) - BATCH_HEADER_BYTES + tombstoneBytes;
      return this.#bytes + length <= this.#limits.batchBytesMax;
    }
    const length = batch.length + recordLengthMax(record) + tombstoneBytes;
    return length <= this.#limits.maxMessageBytes &&
      this.#bytes + length - batch.length <= this.#limits.batchBytesMax;
  }

  append(route: Route, record: EncodedRecord, timestampMs: number): void {
    const batches = this.#batches(route);
    const partition = partitionOf(record.bytes, record.keyEnd, route.partitions);
    const batch = batches[partition] ??= new RecordBatch(route.topic, partition, this.#pool);
    if (batch.count === 0) {
      const length = lengthAlone(record);
      if (length > this.#limits.maxMessageBytes) {
        throw new RecordTooLarge(route.topic, length, this.#limits.maxMessageBytes);
      }
      this.#filled.push(batch);
    }
    const lengthBefore = batch.length;
    batch.append(record, timestampMs);
    this.#bytes += batch.length - lengthBefore;
    this.#count++;
  }

  clear(): void {
    for (const batch of this.#filled) batch.clear();
    this.#filled.length = 0;
    this.#count = 0;
    this.#bytes = 0;
    if (this.#topics.size <= TOPICS_KEPT_MAX) return;
    this.#topics.clear();
    this.#lastTopic = "";
  }

  #batches(route: Route): (RecordBatch | undefined)[] {
    if (route.topic === this.#lastTopic) return this.#lastBatches;
    let batches = this.#topics.get(route.topic);
    if (batches === undefined) {
      batches = new Array(route.partitions);
      this.#topics.set(route.topic, batches);
    }
    this.#lastTopic = route.topic;
    return this.#lastBatches = batches;
  }
}
