// The Kafka sink: combines its parts, and prevents their use after a failure.

import { CaptureError } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { ReceivedRequest, SnapshotLedger, SnapshotNotes } from "../core/snapshot_state.ts";
import type { Batch, Route, Sink } from "../pipeline/ports.ts";
import { ArenaPool } from "./arena_pool.ts";
import { assert } from "../core/assert.ts";
import { AtLeastOnceDelivery } from "./at_least_once.ts";
import { PartitionedBatch } from "./batch.ts";
import { Cluster } from "./cluster.ts";
import { loadCompressor } from "./compression.ts";
import type { Delivery } from "./delivery.ts";
import type { KafkaSinkOptions } from "./options.ts";
import { PartitionLog } from "./partition_log.ts";
import { readProgress } from "./progress_reader.ts";
import { ownRecord } from "./own_record.ts";
import { encodeProgressKey, encodeProgressValue } from "./progress_record.ts";
import { RecordBatch } from "./record_batch.ts";
import { RequestLog } from "./request_log.ts";
import { SnapshotStore } from "./snapshot_store.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic, stateTopicSettings } from "./topics.ts";
import { TransactionalDelivery } from "./transaction.ts";

/** Creates a sink. `open` connects it. */
export function createKafkaSink(options: KafkaSinkOptions): Sink {
  assert(
    options.delivery === "at-least-once" || options.acks === "all",
    "exactly-once delivery needs acks all",
  );
  return new KafkaSink(options);
}

/**
 * `pg-capture.{systemIdentifier}.{database}.{slot}`: an instance that captures a slot fences its predecessor.
 */
export function transactionalIdOf({ systemIdentifier, database, slot }: SourceIdentity): string {
  return `pg-capture.${systemIdentifier}.${database}.${slot}`;
}

type Stage = "new" | "opening" | "ready" | "reading" | "writing";

class KafkaSink implements Sink {
  readonly #options: KafkaSinkOptions;
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #pool: ArenaPool;
  readonly #progressTopic: string;
  readonly #progressKey: Uint8Array;
  readonly #progressBatch: RecordBatch;
  readonly #snapshots: SnapshotStore;
  readonly #requests: RequestLog;
  #delivery: Delivery | undefined;
  #stage: Stage = "new";
  /** Why it can no longer be used. */
  #failure: unknown;

  constructor(options: KafkaSinkOptions) {
    this.#options = options;
    this.#cluster = new Cluster(options.brokers, {
      clientId: options.clientId,
      security: options.security,
    });
    this.#directory = new TopicDirectory(this.#cluster);
    // Enough for two batches in turn and a spare one.
    this.#pool = new ArenaPool(3 * options.batchBytesMax);
    this.#progressTopic = progressTopic(options.prefix);
    this.#progressKey = encodeProgressKey(options.identity);
    this.#progressBatch = new RecordBatch(this.#progressTopic, 0, this.#pool);
    this.#snapshots = new SnapshotStore(this.#cluster, this.#directory, options, this.#pool);
    this.#requests = new RequestLog(this.#cluster, this.#directory, options);
  }

  async open(signal: AbortSignal): Promise<Progress | null> {
    return await this.#during("new", "opening", async () => {
      this.#delivery = await this.#createDelivery();
      await this.#delivery.open(signal);
      return await this.#readProgress(signal);
    });
  }

  async route(topic: string, signal: AbortSignal, soon: readonly string[] = []): Promise<Route> {
    this.#throwFailure(); // not a bug: one task may call this while the write of another one fails
    assert(this.#stage !== "new" && this.#stage !== "opening", "a sink has routes only after it was opened");
    const { topicPartitions, topicReplicationFactor } = this.#options;
    const settings = { partitions: topicPartitions, replicationFactor: topicReplicationFactor, configs: [] };
    return await this.#directory.findOrCreate(topic, settings, signal, soon);
  }

  async refreshRoutes(signal: AbortSignal): Promise<boolean> {
    return await this.#directory.refreshAll(signal);
  }

  createBatch(): Batch {
    return new PartitionedBatch(this.#options, this.#pool);
  }

  async send(batch: Batch, signal: AbortSignal): Promise<void> {
    await this.#during("ready", "writing", async () => {
      const { delivery, batches } = this.#ready(batch);
      await delivery.send(batches, signal);
    });
  }

  async write(batch: Batch, progress: Progress, signal: AbortSignal, notes?: SnapshotNotes): Promise<void> {
    await this.#during("ready", "writing", async () => {
      const { delivery, batches } = this.#ready(batch);
      const own = hasAny(notes) ? await this.#snapshots.batchesOf(notes, signal) : NO_BATCHES;
      const record = ownRecord(this.#progressKey, encodeProgressValue(progress));
      this.#progressBatch.append(record, this.#options.wallClock());
      await delivery.deliver(batches, this.#progressBatch, own, signal);
      this.#progressBatch.clear();
      for (const each of own) each.clear();
    });
  }

  async readSnapshots(signal: AbortSignal): Promise<SnapshotLedger> {
    return await this.#during("ready", "reading", () => this.#snapshots.read(signal));
  }

  /** The sink stays usable after an error, which does not affect deliveries. */
  async readRequests(from: bigint | null, signal: AbortSignal): Promise<readonly ReceivedRequest[]> {
    this.#throwFailure();
    return await this.#requests.read(from, signal);
  }

  close(): void {
    this.#failure ??= new CaptureError("kafka-unavailable", "Cannot use Kafka: the sink was closed");
    this.#cluster.close();
  }

  async #during<Result>(before: Stage, during: Stage, act: () => Promise<Result>): Promise<Result> {
    assert(
      this.#failure === undefined,
      "a sink that failed or was closed is not used again",
    );
    assert(this.#stage === before, `a sink that is ${this.#stage} cannot do this`);
    this.#stage = during;
    try {
      const result = await act();
      this.#throwFailure();
      this.#stage = "ready";
      return result;
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  #ready(batch: Batch): { readonly delivery: Delivery; readonly batches: readonly RecordBatch[] } {
    assert(
      batch instanceof PartitionedBatch && this.#delivery !== undefined,
      "a batch is one that this sink created",
    );
    return { delivery: this.#delivery, batches: batch.filled };
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #createDelivery(): Promise<Delivery> {
    const { delivery, compression, acks, identity } = this.#options;
    const compressor = await loadCompressor(compression);
    if (delivery === "at-least-once") {
      return new AtLeastOnceDelivery(this.#cluster, this.#directory, compressor, acks);
    }
    const transactionalId = transactionalIdOf(identity);
    return new TransactionalDelivery(this.#cluster, this.#directory, compressor, transactionalId);
  }

  async #readProgress(signal: AbortSignal): Promise<Progress | null> {
    const { delivery, identity } = this.#options;
    // One request for both topics.
    await this.#snapshots.find([this.#progressTopic], signal);
    if (delivery === "at-least-once") {
      const exists = await this.#directory.find(this.#progressTopic, signal) !== null;
      return exists
        ? await readProgress(
          new PartitionLog(this.#cluster, this.#directory, this.#progressTopic, signal),
          identity,
          "ignore",
        )
        : null;
    }
    const settings = stateTopicSettings(this.#options);
    await this.#directory.findOrCreate(this.#progressTopic, settings, signal);
    const log = new PartitionLog(this.#cluster, this.#directory, this.#progressTopic, signal);
    await log.requireReadable();
    return await readProgress(log, identity, "refuse");
  }
}

const NO_BATCHES: readonly RecordBatch[] = [];

function hasAny(notes: SnapshotNotes | undefined): notes is SnapshotNotes {
  return notes !== undefined &&
    (notes.states.length > 0 || notes.requestsTaken !== null || notes.holdsUnshown !== undefined);
}
