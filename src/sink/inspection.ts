// Inspects a Kafka cluster for the commands, without changing it: brokers, ACLs, settings, progress.

import type { Progress, SourceIdentity } from "../core/position.ts";
import type { SnapshotLedger } from "../core/snapshot_state.ts";
import type { TopicConflict } from "../core/topic_conflict.ts";
import type { DeliveryGuarantee } from "../pipeline/ports.ts";
import { Cluster } from "./cluster.ts";
import { readConfigs } from "./configs.ts";
import { transactionalIdOf } from "./kafka_sink.ts";
import { type MissingAcl, missingAcls } from "./acl_probe.ts";
import { PartitionLog } from "./partition_log.ts";
import { readProgress } from "./progress_reader.ts";
import { SnapshotReader } from "./snapshot_reader.ts";
import { isThere } from "./snapshot_store.ts";
import { collisionWith, findCollision } from "./topic_collision.ts";
import { TopicDirectory } from "./topic_directory.ts";
import { progressTopic, snapshotTopic } from "./topics.ts";
import { type ClusterLayout, clusterLayout } from "./wire/apis/cluster_layout.ts";
import type { DescribeConfigsRequest } from "./wire/apis/describe_configs.ts";
import type { BrokerAddress } from "./wire/apis/metadata.ts";
import type { KafkaSecurity } from "./wire/security.ts";
import type { HostPort } from "../core/address.ts";
import type { TlsFacts } from "./wire/socket.ts";

/**
 * One inspection of one cluster. Disposing of it closes its connections. Each method may throw a
 * CaptureError.
 */
export class KafkaInspection implements Disposable {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;

  constructor(brokers: readonly HostPort[], security: KafkaSecurity) {
    this.#cluster = new Cluster(brokers, {
      clientId: "pg-capture",
      security,
    });
    this.#directory = new TopicDirectory(this.#cluster);
  }

  /** Connects to a broker. @throws CaptureError if it cannot be reached */
  async reach(address: HostPort | BrokerAddress, signal: AbortSignal): Promise<void> {
    await this.#cluster.connectTo(address, signal);
  }

  /** How a connection is encrypted; undefined if it is not. */
  async encryption(signal: AbortSignal): Promise<TlsFacts | undefined> {
    return (await this.#cluster.any(signal)).tls;
  }

  /** The brokers, and the topics' replicas. */
  async layout(topics: readonly string[], signal: AbortSignal): Promise<ClusterLayout> {
    const connection = await this.#cluster.any(signal);
    return await connection.request(clusterLayout, { topics }, signal);
  }

  /**
   * The missing topics that Kafka would refuse to create, because it does not distinguish them from existing
   * ones.
   */
  async collisions(missing: readonly string[], signal: AbortSignal): Promise<readonly TopicConflict[]> {
    if (missing.length === 0) return [];
    const existing = (await this.#cluster.metadata(null, signal)).map(({ topic }) => topic);
    return missing.flatMap((topic) => {
      const other = findCollision(topic, existing);
      return other === undefined ? [] : [collisionWith(topic, other)];
    });
  }

  /**
   * The ACLs that `run` requires and that are missing.
   * @param readTopics the topics that are read
   * @param identity null without transactions
   */
  async missingAcls(
    topics: readonly string[],
    readTopics: readonly string[],
    identity: SourceIdentity | null,
    signal: AbortSignal,
  ): Promise<readonly MissingAcl[]> {
    const transactionalId = identity && transactionalIdOf(identity);
    return await missingAcls(this.#cluster, { topics, readTopics, transactionalId }, signal);
  }

  /** Settings by name; null if they may not be read. */
  async settings(
    request: DescribeConfigsRequest,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string> | null> {
    return await readConfigs(this.#cluster, request, signal);
  }

  /** The delivered states of snapshots; null if their topic does not exist. */
  async snapshots(
    prefix: string,
    identity: SourceIdentity,
    delivery: DeliveryGuarantee,
    signal: AbortSignal,
  ): Promise<SnapshotLedger | null> {
    await this.#cluster.metadata([], signal);
    const topic = snapshotTopic(prefix);
    // To a login that may not describe it, the topic does not exist; `check` reports a missing permission.
    if (!await isThere(this.#directory, topic, false, signal)) return null;
    const log = new PartitionLog(this.#cluster, this.#directory, topic, signal);
    return await new SnapshotReader(log, identity, { delivery, undecided: "ignore" }).read();
  }

  /** The current progress record, or null if there is none. */
  async progress(prefix: string, identity: SourceIdentity, signal: AbortSignal): Promise<Progress | null> {
    await this.#cluster.metadata([], signal);
    const topic = progressTopic(prefix);
    if (await this.#directory.find(topic, signal) === null) return null;
    return await readProgress(
      new PartitionLog(this.#cluster, this.#directory, topic, signal),
      identity,
      "ignore",
    );
  }

  [Symbol.dispose](): void {
    this.#cluster.close();
  }
}
