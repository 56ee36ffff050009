// The options of a Kafka sink.

import type { SourceIdentity } from "../core/position.ts";
import type { DeliveryGuarantee } from "../pipeline/ports.ts";
import type { Compression } from "./compression.ts";
import type { KafkaSecurity } from "./wire/security.ts";
import type { HostPort } from "../core/address.ts";

export interface KafkaSinkOptions {
  /** Bootstrap servers: the cluster names the other brokers. */
  readonly brokers: readonly HostPort[];
  /** For connections to all brokers. */
  readonly security: KafkaSecurity;
  /** Prefix of topic names. */
  readonly prefix: string;
  readonly delivery: DeliveryGuarantee;
  readonly compression: Compression;
  /** 0 and 1 only with at-least-once delivery. */
  readonly acks: "all" | 0 | 1;
  /** The broker's limit for one record batch, here applied to its uncompressed size. */
  readonly maxMessageBytes: number;
  /** Bytes in one delivery, uncompressed, all partitions together. */
  readonly batchBytesMax: number;
  /** For topics that are created here. Absent: the broker's default. */
  readonly topicPartitions?: number;
  readonly topicReplicationFactor?: number;
  /** Identifies this program in the brokers' logs and quotas. */
  readonly clientId: string;
  readonly identity: SourceIdentity;
  /**
   * Whether snapshots are configured. If not, their topics count as missing when the login may not describe
   * them, so that unused features need no permissions.
   */
  readonly usesSnapshots?: boolean;
  /**
   * Milliseconds since 1970, used as the timestamp of progress records if their topic was created by hand.
   */
  readonly wallClock: () => number;
}
