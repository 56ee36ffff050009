// Exactly-once delivery: records and progress in one Kafka transaction at a time.

import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";
import { assert } from "../core/assert.ts";
import { type Attempt, brokerError, unclearWhenLost } from "./broker_error.ts";
import type { Cluster } from "./cluster.ts";
import type { Compressor } from "./compression.ts";
import type { Delivery } from "./delivery.ts";
import { BatchesRejected, type FinishedBatch, produceToLeaders } from "./produce_to_leaders.ts";
import { coordinatorMove, initProducerId, type TransactionalIdentity } from "./producer_id.ts";
import { unlessMoved } from "./moved.ts";
import type { RecordBatch } from "./record_batch.ts";
import { SequenceNumbers } from "./sequence_numbers.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { exponentialBackoff } from "./backoff.ts";
import { addPartitionsToTxn } from "./wire/apis/add_partitions_to_txn.ts";
import { endTxn, type EndTxnResponse } from "./wire/apis/end_txn.ts";
import { ErrorCode } from "./wire/error_codes.ts";
import type { HostPort } from "../core/address.ts";

/**
 * One transactional producer. A request that failed or was not answered is never sent again: a late EndTxn
 * could commit half of the next transaction. The next producer begins with `open`, which aborts the open
 * transaction and raises the epoch. Then the progress record tells what was committed.
 *
 * It uses transactions version 1 with every broker, which requires AddPartitionsToTxn. With version 2
 * (KIP-890) the leaders add the partitions, and wait in steps of 20 ms for the end of the previous
 * transaction (docs/BENCHMARKS.md).
 */
export class TransactionalDelivery implements Delivery {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #compressor: Compressor | null;
  readonly #transactionalId: string;
  readonly #sequences = new SequenceNumbers();
  /** The partitions that were added to the open transaction. */
  readonly #added = new Set<string>();
  #producer: TransactionalIdentity | undefined;

  constructor(
    cluster: Cluster,
    directory: TopicDirectory,
    compressor: Compressor | null,
    transactionalId: string,
  ) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.#compressor = compressor;
    this.#transactionalId = transactionalId;
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#producer = await initProducerId(
      this.#cluster,
      this.#transactionalId,
      TRANSACTION_TIMEOUT_MS,
      signal,
    );
  }

  async send(batches: readonly RecordBatch[], signal: AbortSignal): Promise<void> {
    const producer = this.#openProducer();
    await this.#produce(batches.map((batch) => this.#finish(batch, producer, this.#compressor)), signal);
  }

  async deliver(
    batches: readonly RecordBatch[],
    progress: RecordBatch,
    notes: readonly RecordBatch[],
    signal: AbortSignal,
  ): Promise<void> {
    const producer = this.#openProducer();
    // A request contains only one batch per partition. The first batch of notes, usually the only one, goes
    // with the rest.
    for (const batch of notes.slice(1)) await this.send([batch], signal);
    const finished = [...batches, ...notes.slice(0, 1)].map((batch) =>
      this.#finish(batch, producer, this.#compressor)
    );
    finished.push(this.#finish(progress, producer, null));
    await this.#produce(finished, signal);
    await this.#commit(signal);
  }

  #openProducer(): TransactionalIdentity {
    assert(this.#producer !== undefined, "a transaction needs an open producer");
    return this.#producer;
  }

  #finish(batch: RecordBatch, producer: TransactionalIdentity, compressor: Compressor | null): FinishedBatch {
    const { topic, partition } = batch;
    const { producerId, producerEpoch } = producer;
    const baseSequence = this.#sequences.take(batch);
    const records = batch.finish(
      { producerId, producerEpoch, baseSequence, isTransactional: true },
      compressor,
    );
    return { topic, partition, records };
  }

  /**
   * CONCURRENT_TRANSACTIONS: the coordinator is still writing the previous transaction's markers, and did
   * nothing.
   */
  async #addPartitions(all: readonly FinishedBatch[], signal: AbortSignal): Promise<void> {
    const transactionalId = this.#transactionalId;
    const { producerId, producerEpoch, coordinator: address } = this.#openProducer();
    const batches = all.filter((batch) => !this.#added.has(partitionName(batch)));
    if (batches.length === 0) return;
    const coordinator = await this.#cluster.connectTo(address, signal);
    const topics = [...Map.groupBy(batches, ({ topic }) => topic)]
      .map(([topic, partitions]) => ({ topic, partitions: partitions.map(({ partition }) => partition) }));
    const request = { transactionalId, producerId, producerEpoch, topics };
    for (const pauseMs of exponentialBackoff(MARKERS_PAUSE_MS, MARKERS_PAUSE_MS_MAX, MARKERS_WAIT_MS_MAX)) {
      const answer = unclearWhenLost(coordinator.request(addPartitionsToTxn, request, signal));
      const results = await unlessMoved(answer, this.#move(address), signal);
      const named = results.filter(({ errorCode }) => errorCode === ErrorCode.NONE).length;
      if (named === batches.length) {
        for (const batch of batches) this.#added.add(partitionName(batch));
        return;
      }
      // If one partition is rejected, the others get OPERATION_NOT_ATTEMPTED.
      const refused = results.find(({ errorCode }) =>
        errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.OPERATION_NOT_ATTEMPTED
      );
      if (refused === undefined) throw unclear("the answer omits a partition");
      if (refused.errorCode !== ErrorCode.CONCURRENT_TRANSACTIONS) {
        throw this.#refusal(refused.topic, refused.errorCode);
      }
      await delay(pauseMs, signal);
    }
    throw unclear(`the previous transaction has not ended after ${MARKERS_WAIT_MS_MAX / 1000} s`);
  }

  async #produce(batches: readonly FinishedBatch[], signal: AbortSignal): Promise<void> {
    await this.#addPartitions(batches, signal);
    const settings = { transactionalId: this.#transactionalId, acks: -1 } as const;
    try {
      await produceToLeaders(this.#cluster, this.#directory, batches, settings, signal);
    } catch (error) {
      if (error instanceof BatchesRejected) await this.#abort(signal);
      throw error;
    }
  }

  /**
   * Lets the coordinator write the abort markers before the next producer is initialized, which would have to
   * wait for them. All Produce requests must have been answered: one that arrives after the markers would
   * begin a transaction that the next commit of this producer id makes visible.
   */
  async #abort(signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ABORT_WAIT_MS_MAX)]);
    try {
      await this.#end(false, limit);
    } catch (error) {
      // InitProducerId will abort the transaction.
      if (!limit.aborted && !(error instanceof CaptureError)) throw error;
    }
  }

  async #end(committed: boolean, signal: AbortSignal): Promise<EndTxnResponse> {
    const { producerId, producerEpoch, coordinator: address } = this.#openProducer();
    const coordinator = await this.#cluster.connectTo(address, signal);
    const request = { transactionalId: this.#transactionalId, producerId, producerEpoch, committed };
    const answer = unclearWhenLost(coordinator.request(endTxn, request, signal));
    return await unlessMoved(answer, this.#move(address), signal);
  }

  async #commit(signal: AbortSignal): Promise<void> {
    const response = await this.#end(true, signal);
    if (response.errorCode !== ErrorCode.NONE) {
      throw brokerError(this.#attempt("commit a transaction"), response.errorCode);
    }
    this.#added.clear();
  }

  #move(coordinator: HostPort): (signal: AbortSignal) => Promise<string | null> {
    return coordinatorMove(this.#cluster, this.#transactionalId, coordinator);
  }

  #refusal(topic: string, errorCode: number): CaptureError {
    if (errorCode !== ErrorCode.TOPIC_AUTHORIZATION_FAILED) {
      return brokerError(this.#attempt(`begin a transaction on topic "${topic}"`), errorCode);
    }
    return brokerError({
      action: `write to topic "${topic}"`,
      rule: `--operation Write --topic "${topic}"`,
      otherwise: "kafka-unclear",
    }, errorCode);
  }

  #attempt(action: string): Attempt {
    return {
      action,
      rule: `--operation Write --transactional-id "${this.#transactionalId}"`,
      otherwise: "kafka-unclear",
    };
  }
}

/** After this time the coordinator aborts a transaction that was not ended. */
export const TRANSACTION_TIMEOUT_MS = 60_000;
/**
 * An attempt is cheap for the coordinator, and it writes the markers of a small transaction in a few
 * milliseconds.
 */
const MARKERS_PAUSE_MS = 1;
const MARKERS_PAUSE_MS_MAX = 10;
const MARKERS_WAIT_MS_MAX = 25_000;
/** A coordinator answers in a few milliseconds; beyond this, waiting costs more than it saves. */
const ABORT_WAIT_MS_MAX = 200;

function partitionName({ topic, partition }: FinishedBatch): string {
  return `${topic}/${partition}`;
}

function unclear(found: string): CaptureError {
  return new CaptureError("kafka-unclear", `Cannot deliver in a transaction: ${found}`);
}
