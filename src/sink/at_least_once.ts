// At-least-once delivery: records without transactions. After a failure they are sent again.

import { assert } from "../core/assert.ts";
import type { Cluster } from "./cluster.ts";
import type { Compressor } from "./compression.ts";
import type { Delivery } from "./delivery.ts";
import { type FinishedBatch, produceToLeaders } from "./produce_to_leaders.ts";
import { initIdempotentProducerId, type ProducerIdentity } from "./producer_id.ts";
import type { ProducerStamp, RecordBatch } from "./record_batch.ts";
import { SequenceNumbers } from "./sequence_numbers.ts";
import type { TopicDirectory } from "./topic_directory.ts";

/**
 * Uses an idempotent producer with acks "all", so that a broker stores each batch once, and a plain producer
 * with acks 0 and 1. All in-sync replicas always acknowledge the states of snapshots. It writes no progress
 * record, which without a transaction would tell no more than the checkpoint.
 */
export class AtLeastOnceDelivery implements Delivery {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #compressor: Compressor | null;
  readonly #acks: "all" | 0 | 1;
  readonly #sequences = new SequenceNumbers();
  #producer: ProducerIdentity | undefined;

  constructor(
    cluster: Cluster,
    directory: TopicDirectory,
    compressor: Compressor | null,
    acks: "all" | 0 | 1,
  ) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.#compressor = compressor;
    this.#acks = acks;
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#producer = this.#acks === "all"
      ? await initIdempotentProducerId(this.#cluster, signal)
      : NO_PRODUCER;
  }

  async deliver(
    batches: readonly RecordBatch[],
    _progress: RecordBatch,
    notes: readonly RecordBatch[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.send(batches, signal);
    // One after another: a request contains only one batch per partition.
    for (const batch of notes) await this.#send([batch], -1, signal);
  }

  async send(batches: readonly RecordBatch[], signal: AbortSignal): Promise<void> {
    if (batches.length > 0) await this.#send(batches, this.#acks === "all" ? -1 : this.#acks, signal);
  }

  async #send(batches: readonly RecordBatch[], acks: -1 | 0 | 1, signal: AbortSignal): Promise<void> {
    const finished = batches.map((batch) => this.#finish(batch));
    const settings = { transactionalId: null, acks } as const;
    await produceToLeaders(this.#cluster, this.#directory, finished, settings, signal);
  }

  #finish(batch: RecordBatch): FinishedBatch {
    assert(this.#producer !== undefined, "a batch needs an open producer");
    const baseSequence = this.#producer === NO_PRODUCER ? -1 : this.#sequences.take(batch);
    const stamp: ProducerStamp = { ...this.#producer, baseSequence, isTransactional: false };
    const { topic, partition } = batch;
    return { topic, partition, records: batch.finish(stamp, this.#compressor) };
  }
}

const NO_PRODUCER: ProducerIdentity = { producerId: -1n, producerEpoch: -1 };
