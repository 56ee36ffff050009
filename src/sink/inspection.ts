// Looks at a Kafka cluster for people, changing nothing: brokers, rights, settings, progress.

import type { Progress, SourceIdentity } from "../pipeline/position.ts";
import { brokerError } from "./broker_error.ts";
import { Cluster } from "./cluster.ts";
import { transactionalIdOf } from "./kafka_sink.ts";
import { PartitionLog } from "./partition_log.ts";
import { readProgress } from "./progress_reader.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic } from "./topics.ts";
import { type ClusterRights, clusterRights } from "./wire/apis/cluster_rights.ts";
import { describeConfigs, type DescribeConfigsRequest } from "./wire/apis/describe_configs.ts";
import { findCoordinator } from "./wire/apis/find_coordinator.ts";
import type { BrokerAddress } from "./wire/apis/metadata.ts";
import { ErrorCode } from "./wire/error_codes.ts";
import type { KafkaSecurity } from "./wire/security.ts";
import type { HostPort, TlsFacts } from "./wire/socket.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

/** One look at one cluster; disposing of it closes its connections. Each method may throw a CaptureError. */
export class KafkaInspection implements Disposable {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;

  constructor(brokers: readonly HostPort[], security: KafkaSecurity) {
    this.#cluster = new Cluster(brokers, {
      clientId: "pg-capture",
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      security,
    });
    this.#directory = new TopicDirectory(this.#cluster);
  }

  /** Whether a broker can be reached at that address. @throws CaptureError when not */
  async reach(address: HostPort | BrokerAddress, signal: AbortSignal): Promise<void> {
    await this.#cluster.connectTo(address, signal);
  }

  /** How a connection is encrypted; undefined where it is not. */
  async encryption(signal: AbortSignal): Promise<TlsFacts | undefined> {
    return (await this.#cluster.any(signal)).tls;
  }

  /** Level of the cluster's transactions: 2 with Kafka 4.0 and later. */
  async transactionVersion(signal: AbortSignal): Promise<number> {
    const connection = await this.#cluster.any(signal);
    return connection.featureLevel("transaction.version");
  }

  /** The brokers, and what this client may do. */
  async rights(topics: readonly string[], signal: AbortSignal): Promise<ClusterRights> {
    const connection = await this.#cluster.any(signal);
    return await connection.request(clusterRights, { topics }, signal);
  }

  /** Whether the transactional id may be looked up. @throws CaptureError `kafka-refused` with the missing rule */
  async requireTransactionalId(identity: SourceIdentity, signal: AbortSignal): Promise<void> {
    const transactionalId = transactionalIdOf(identity);
    const connection = await this.#cluster.any(signal);
    const { errorCode } = await connection.request(findCoordinator, { transactionalId }, signal);
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE) return;
    throw brokerError({
      action: `use transactional id "${transactionalId}"`,
      rule: `--operation Write --operation Describe --transactional-id "${transactionalId}"`,
      otherwise: "kafka-unavailable",
    }, errorCode);
  }

  /** Settings by name; null where they may not be read. */
  async settings(
    request: DescribeConfigsRequest,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string> | null> {
    const connection = await this.#cluster.any(signal);
    const { errorCode, values } = await connection.request(describeConfigs, request, signal);
    return errorCode === ErrorCode.NONE ? values : null;
  }

  /** The progress record as it is now; null where there is none. */
  async progress(prefix: string, identity: SourceIdentity, signal: AbortSignal): Promise<Progress | null> {
    await this.#cluster.metadata([], signal);
    const route = await this.#directory.find(progressTopic(prefix), signal);
    if (route === null) return null;
    return await readProgress(new PartitionLog(this.#cluster, route, signal), identity, "ignore");
  }

  [Symbol.dispose](): void {
    this.#cluster.close();
  }
}
