// What a Kafka sink is made with.

import type { SourceIdentity } from "../core/position.ts";
import type { DeliveryGuarantee } from "../pipeline/ports.ts";
import type { Compression } from "./compression.ts";
import type { KafkaSecurity } from "./wire/security.ts";
import type { HostPort } from "./wire/socket.ts";

export interface KafkaSinkOptions {
  /** Where the first connection goes; the brokers themselves name the others. */
  readonly brokers: readonly HostPort[];
  /** Of the connections to all of them. */
  readonly security: KafkaSecurity;
  /** Start of every topic's name. */
  readonly prefix: string;
  readonly delivery: DeliveryGuarantee;
  readonly compression: Compression;
  /** 0 and 1 only with at-least-once delivery. */
  readonly acks: "all" | 0 | 1;
  /** The broker's limit for one record batch, which counts uncompressed here. */
  readonly maxMessageBytes: number;
  /** Bytes in one delivery, uncompressed, all partitions together. */
  readonly batchBytesMax: number;
  /** Of topics that are made here; absent: the broker's default. */
  readonly topicPartitions?: number;
  readonly topicReplicationFactor?: number;
  /** Names this program in the brokers' logs and quotas. */
  readonly clientId: string;
  readonly identity: SourceIdentity;
  /** Milliseconds since 1970: the timestamp of progress records in a topic that was not created here. */
  readonly wallClock: () => number;
}
