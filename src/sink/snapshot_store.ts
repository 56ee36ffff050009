// The sink's part in snapshots: reads their states at startup, and prepares the batches that a delivery adds.

import { CaptureError } from "../core/errors.ts";
import type { SnapshotLedger, SnapshotNotes } from "../core/snapshot_state.ts";
import type { ArenaPool } from "./arena_pool.ts";
import type { Cluster } from "./cluster.ts";
import type { KafkaSinkOptions } from "./options.ts";
import { PartitionLog } from "./partition_log.ts";
import type { RecordBatch } from "./record_batch.ts";
import { recordsOfNotes, snapshotBatches } from "./snapshot_batches.ts";
import { SnapshotReader } from "./snapshot_reader.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { snapshotTopic, stateTopicSettings } from "./topics.ts";

export const NO_SNAPSHOTS: SnapshotLedger = { states: [], requestsTaken: null };

/** The state topic of one sink. */
export class SnapshotStore {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #options: KafkaSinkOptions;
  readonly #pool: ArenaPool;
  readonly #topic: string;
  #exists = false;

  constructor(cluster: Cluster, directory: TopicDirectory, options: KafkaSinkOptions, pool: ArenaPool) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.#options = options;
    this.#pool = pool;
    this.#topic = snapshotTopic(options.prefix);
  }

  /** Looks for the topic. @param soon topics to look up in the same request */
  async find(soon: readonly string[], signal: AbortSignal): Promise<void> {
    const { usesSnapshots = false } = this.#options;
    this.#exists = await isThere(this.#directory, this.#topic, usesSnapshots, signal, soon);
  }

  /** Reads the delivered states; none if the topic did not exist when `find` was called. */
  async read(signal: AbortSignal): Promise<SnapshotLedger> {
    if (!this.#exists) return NO_SNAPSHOTS;
    const { identity, delivery } = this.#options;
    const log = new PartitionLog(this.#cluster, this.#directory, this.#topic, signal);
    await log.requireReadable();
    const undecided = delivery === "exactly-once" ? "refuse" : "ignore";
    return await new SnapshotReader(log, identity, { delivery, undecided }).read();
  }

  /** Puts the notes into batches. Creates the topic if it does not exist. */
  async batchesOf(notes: SnapshotNotes, signal: AbortSignal): Promise<readonly RecordBatch[]> {
    const { identity, maxMessageBytes, wallClock } = this.#options;
    await this.#directory.findOrCreate(this.#topic, stateTopicSettings(this.#options), signal);
    const target = { topic: this.#topic, pool: this.#pool, maxMessageBytes };
    return snapshotBatches(recordsOfNotes(identity, notes), target, wallClock());
  }
}

/**
 * Whether the topic exists.
 * @param isNeeded if false, a topic that the login may not describe counts as missing
 * @param soon topics to look up in the same request
 */
export async function isThere(
  directory: TopicDirectory,
  topic: string,
  isNeeded: boolean,
  signal: AbortSignal,
  soon: readonly string[] = [],
): Promise<boolean> {
  try {
    return await directory.find(topic, signal, soon) !== null;
  } catch (error) {
    if (isNeeded || !(error instanceof CaptureError) || error.kind !== "kafka-refused") throw error;
    return false;
  }
}
