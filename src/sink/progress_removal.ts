// Removes a source's records from Kafka: its progress record and the states of its snapshots. It writes
// tombstones; compaction then removes both them and the records.

import { CaptureError } from "../core/errors.ts";
import type { HostPort } from "../core/address.ts";
import type { SourceIdentity } from "../core/position.ts";
import { ArenaPool } from "./arena_pool.ts";
import { AtLeastOnceDelivery } from "./at_least_once.ts";
import { Cluster } from "./cluster.ts";
import { OWN_BATCH_BYTES_MAX } from "./committed_records.ts";
import type { Delivery } from "./delivery.ts";
import { transactionalIdOf } from "./kafka_sink.ts";
import { ownRecord } from "./own_record.ts";
import { PartitionLog } from "./partition_log.ts";
import { encodeProgressKey } from "./progress_record.ts";
import { RecordBatch } from "./record_batch.ts";
import { snapshotBatches } from "./snapshot_batches.ts";
import { readSnapshotKeys } from "./snapshot_reader.ts";
import { isThere } from "./snapshot_store.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic, snapshotTopic } from "./topics.ts";
import { TransactionalDelivery } from "./transaction.ts";
import type { KafkaSecurity } from "./wire/security.ts";

const POOL_BYTES = 64 * 1024;

/** The records that were removed. */
export interface RemovedProgress {
  readonly progress: boolean;
  /** The number of records in the state topic. */
  readonly snapshotRecords: number;
}

/**
 * Initializes the transactional id, as a start does: this aborts the open transaction of an instance that is
 * still running, and fences it.
 * @returns what was removed; nothing if the topics do not exist
 * @throws CaptureError
 */
export async function removeProgress(
  { brokers, security }: { readonly brokers: readonly HostPort[]; readonly security: KafkaSecurity },
  prefix: string,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<RemovedProgress> {
  const cluster = new Cluster(brokers, {
    clientId: "pg-capture",
    security,
  });
  try {
    const directory = new TopicDirectory(cluster);
    const [topic, states] = [progressTopic(prefix), snapshotTopic(prefix)];
    const hasStates = await isThere(directory, states, false, signal, [topic]);
    const hasProgress = await directory.find(topic, signal) !== null;
    if (!hasProgress && !hasStates) return { progress: false, snapshotRecords: 0 };
    const delivery = await openDelivery(cluster, directory, identity, hasProgress, signal);
    const keys = hasStates
      ? await readSnapshotKeys(new PartitionLog(cluster, directory, states, signal), identity)
      : [];
    await deliverTombstones(delivery, tombstones(prefix, identity, keys, hasProgress), signal);
    return { progress: hasProgress, snapshotRecords: keys.length };
  } finally {
    cluster.close();
  }
}

/**
 * With at-least-once delivery, which has no progress topic, the login may lack the right to use transactions.
 * If it has the right, they are used, so that a later change to exactly-once delivery finds nothing that it
 * rejects.
 */
async function openDelivery(
  cluster: Cluster,
  directory: TopicDirectory,
  identity: SourceIdentity,
  hasProgress: boolean,
  signal: AbortSignal,
): Promise<Delivery> {
  const transactional = new TransactionalDelivery(cluster, directory, null, transactionalIdOf(identity));
  try {
    await transactional.open(signal);
    return transactional;
  } catch (error) {
    if (hasProgress || !(error instanceof CaptureError) || error.kind !== "kafka-refused") throw error;
    const plain = new AtLeastOnceDelivery(cluster, directory, null, "all");
    await plain.open(signal);
    return plain;
  }
}

function tombstones(
  prefix: string,
  identity: SourceIdentity,
  snapshotKeys: readonly Uint8Array[],
  hasProgress: boolean,
): readonly RecordBatch[] {
  const pool = new ArenaPool(POOL_BYTES);
  const target = { topic: snapshotTopic(prefix), pool, maxMessageBytes: OWN_BATCH_BYTES_MAX };
  const batches = snapshotBatches(snapshotKeys.map((key) => ownRecord(key, null)), target, 0);
  if (!hasProgress) return batches;
  const progress = new RecordBatch(progressTopic(prefix), 0, pool);
  progress.append(ownRecord(encodeProgressKey(identity), null), 0);
  return [...batches, progress];
}

async function deliverTombstones(
  delivery: Delivery,
  batches: readonly RecordBatch[],
  signal: AbortSignal,
): Promise<void> {
  const last = batches.at(-1);
  if (last === undefined) return;
  for (const batch of batches.slice(0, -1)) await delivery.send([batch], signal);
  if (delivery instanceof AtLeastOnceDelivery) await delivery.send([last], signal);
  else await delivery.deliver([], last, [], signal);
}
