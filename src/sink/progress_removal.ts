// Removes a source's progress record: writes a tombstone in a transaction, and compaction then removes both.

import { NO_HEADERS } from "../core/encoded_record.ts";
import type { SourceIdentity } from "../core/position.ts";
import { ArenaPool } from "./arena_pool.ts";
import { Cluster } from "./cluster.ts";
import { transactionalIdOf } from "./kafka_sink.ts";
import { encodeProgressKey } from "./progress_record.ts";
import { RecordBatch } from "./record_batch.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic } from "./topics.ts";
import { TransactionalDelivery } from "./transaction.ts";
import type { KafkaSecurity } from "./wire/security.ts";
import type { HostPort } from "../core/address.ts";

const POOL_BYTES = 64 * 1024;

/**
 * Initializes the transactional id, as a start does: this aborts the open transaction of an instance that is
 * still running, and fences it.
 * @returns false if there is no progress topic
 * @throws CaptureError
 */
export async function removeProgress(
  { brokers, security }: { readonly brokers: readonly HostPort[]; readonly security: KafkaSecurity },
  prefix: string,
  identity: SourceIdentity,
  signal: AbortSignal,
): Promise<boolean> {
  const cluster = new Cluster(brokers, {
    clientId: "pg-capture",
    security,
  });
  try {
    const directory = new TopicDirectory(cluster);
    const topic = progressTopic(prefix);
    if (await directory.find(topic, signal) === null) return false;
    const key = encodeProgressKey(identity);
    const batch = new RecordBatch(topic, 0, new ArenaPool(POOL_BYTES));
    batch.append({ bytes: key, keyEnd: key.length, valueEnd: -1, headers: NO_HEADERS }, 0);
    const delivery = new TransactionalDelivery(cluster, directory, null, transactionalIdOf(identity));
    await delivery.open(signal);
    await delivery.deliver([], batch, signal);
    return true;
  } finally {
    cluster.close();
  }
}
