// Removes a source's progress record: a tombstone, which compaction takes away with it.

import { NO_HEADERS } from "../core/encoded_record.ts";
import type { SourceIdentity } from "../core/position.ts";
import { ArenaPool } from "./arena_pool.ts";
import { Cluster } from "./cluster.ts";
import { produceToLeaders } from "./produce_to_leaders.ts";
import { encodeProgressKey } from "./progress_record.ts";
import { RecordBatch } from "./record_batch.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic } from "./topics.ts";
import type { KafkaSecurity } from "./wire/security.ts";
import type { HostPort } from "./wire/socket.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 25_000;
const POOL_BYTES = 64 * 1024;

/**
 * To be called only while nobody captures this slot: a running instance would write its record again.
 * @returns false when there was no progress topic
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
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    security,
  });
  try {
    const directory = new TopicDirectory(cluster);
    const topic = progressTopic(prefix);
    if (await directory.find(topic, signal) === null) return false;
    const key = encodeProgressKey(identity);
    const batch = new RecordBatch(topic, 0, new ArenaPool(POOL_BYTES));
    batch.append({ bytes: key, keyEnd: key.length, valueEnd: -1, headers: NO_HEADERS }, 0);
    const stamp = { producerId: -1n, producerEpoch: -1, baseSequence: -1, isTransactional: false };
    const finished = [{ topic, partition: 0, records: batch.finish(stamp, null) }];
    await produceToLeaders(cluster, directory, finished, { transactionalId: null, acks: -1 }, signal);
    return true;
  } finally {
    cluster.close();
  }
}
