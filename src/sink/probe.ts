// Checks that delivery is possible, without disturbing the instance that delivers now.

import type { Progress } from "../core/position.ts";
import { brokerError } from "./broker_error.ts";
import { Cluster } from "./cluster.ts";
import { readConfigs } from "./configs.ts";
import { transactionalIdOf } from "./kafka_sink.ts";
import { missingAcls, notAllowed } from "./acl_probe.ts";
import type { KafkaSinkOptions } from "./options.ts";
import { PartitionLog } from "./partition_log.ts";
import {
  findTransactionCoordinator,
  initIdempotentProducerId,
  transactionalIdAttempt,
} from "./producer_id.ts";
import { readProgress } from "./progress_reader.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic, snapshotTopics, stateTopicSettings } from "./topics.ts";
import { TRANSACTION_TIMEOUT_MS } from "./transaction.ts";
import { ErrorCode } from "./wire/error_codes.ts";

/**
 * Checks addresses, TLS and login; the ACLs of the topics and of the transactional id; the brokers' limits,
 * if they may be read. It writes and creates nothing, although the brokers may create their topic
 * __transaction_state. It fences no producer.
 * @param topics of tables; only the first `TOPICS_MAX` are checked
 * @returns the last committed progress, or null if there is none
 * @throws CaptureError `kafka-refused` if the settings or the cluster have to change
 */
export async function probeKafka(
  options: KafkaSinkOptions,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Progress | null> {
  const cluster = new Cluster(options.brokers, {
    clientId: options.clientId,
    security: options.security,
  });
  try {
    return await probe(cluster, options, topics.slice(0, TOPICS_MAX), signal);
  } finally {
    cluster.close();
  }
}

/** The same number as in `check`. */
const TOPICS_MAX = 500;

async function probe(
  cluster: Cluster,
  options: KafkaSinkOptions,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Progress | null> {
  const isTransactional = options.delivery === "exactly-once";
  const own = progressTopic(options.prefix);
  // Without transactions no progress is written. It is read only if an earlier exactly-once run wrote it.
  const read = [
    ...(isTransactional ? [own] : []),
    ...(options.usesSnapshots ? snapshotTopics(options.prefix) : []),
  ];
  const transactionalId = isTransactional ? transactionalIdOf(options.identity) : null;
  const wanted = { topics: [...read, ...topics], readTopics: read, transactionalId };
  const missing = await missingAcls(cluster, wanted, signal);
  if (missing.length > 0) throw notAllowed("deliver to Kafka", missing);
  await cluster.metadata([], signal);
  if (transactionalId !== null) await refuseTransactionTimeout(cluster, transactionalId, signal);
  else if (options.acks === "all") await initIdempotentProducerId(cluster, signal);
  const directory = new TopicDirectory(cluster);
  if (await directory.find(own, signal) === null) {
    if (isTransactional) await directory.validateCreation(own, stateTopicSettings(options), signal);
    return null;
  }
  const log = new PartitionLog(cluster, directory, own, signal);
  await log.requireReadable();
  return await readProgress(log, options.identity, "ignore");
}

const TIMEOUT_SETTING = "transaction.max.timeout.ms";

/** InitProducerId would also tell, but it fences. */
async function refuseTransactionTimeout(
  cluster: Cluster,
  transactionalId: string,
  signal: AbortSignal,
): Promise<void> {
  const { nodeId } = await findTransactionCoordinator(cluster, transactionalId, signal);
  const request = { resource: "broker", name: String(nodeId), settings: [TIMEOUT_SETTING] } as const;
  const values = await readConfigs(cluster, request, signal);
  const timeoutMs = Number(values?.get(TIMEOUT_SETTING) ?? Infinity);
  if (timeoutMs >= TRANSACTION_TIMEOUT_MS) return;
  throw brokerError(transactionalIdAttempt(transactionalId), ErrorCode.INVALID_TRANSACTION_TIMEOUT);
}
