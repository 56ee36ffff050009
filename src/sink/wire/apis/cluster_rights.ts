// Metadata once more, for people: the brokers, the topics' replicas, and what this client may do with them.

import type { Api } from "../api.ts";
import type { BrokerAddress, MetadataRequest } from "./metadata.ts";

export interface ClusterRights {
  readonly brokers: readonly BrokerAddress[];
  readonly topics: readonly TopicRights[];
  /** One bit for each operation (org.apache.kafka.common.acl.AclOperation); UNKNOWN_RIGHTS where the broker doesn't say. */
  readonly clusterOperations: number;
}

export interface TopicRights {
  readonly errorCode: number;
  readonly topic: string;
  /** Replicas of each partition. */
  readonly replicas: readonly number[];
  readonly operations: number;
}

/** What a broker says that was not asked, or does not know. */
export const UNKNOWN_RIGHTS = -2147483648;

/** Numbers of the operations, as bits of `operations`. */
export const Operation = { READ: 3, WRITE: 4, CREATE: 5, DESCRIBE: 8, IDEMPOTENT_WRITE: 12 } as const;

/** Metadata, version 8: the first that tells the rights (KIP-430). */
export const clusterRights: Api<MetadataRequest, ClusterRights> = {
  name: "Metadata",
  key: 3,
  versionMin: 8,
  versionMax: 8,
  flexibleFrom: 9,
  encode(writer, request) {
    writer.arrayLength(request.topics.length);
    for (const topic of request.topics) writer.string(topic);
    writer.boolean(false); // allow_auto_topic_creation
    writer.boolean(true); // include_cluster_authorized_operations
    writer.boolean(true); // include_topic_authorized_operations
  },
  decode(reader) {
    reader.int32(); // throttle time
    const brokers = reader.array(12, () => {
      const broker = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
      reader.nullableString(); // rack
      return broker;
    });
    reader.nullableString(); // cluster id
    reader.int32(); // controller id
    const topics = reader.array(13, () => {
      const errorCode = reader.int16();
      const topic = reader.string();
      reader.int8(); // is internal
      const replicas = reader.array(26, () => {
        reader.int16(); // error code
        reader.int32(); // partition
        reader.int32(); // leader
        reader.int32(); // leader epoch
        const count = reader.array(4, () => reader.int32()).length;
        reader.array(4, () => reader.int32()); // in-sync replicas
        reader.array(4, () => reader.int32()); // offline replicas
        return count;
      });
      return { errorCode, topic, replicas, operations: reader.int32() };
    });
    return { brokers, topics, clusterOperations: reader.int32() };
  },
};
