// Metadata in another version, for `check`: the brokers, and the topics' replicas.

import type { Api } from "../api.ts";
import { type BrokerAddress, type MetadataRequest, readBrokers, writeTopics } from "./metadata.ts";

export interface ClusterLayout {
  readonly brokers: readonly BrokerAddress[];
  readonly topics: readonly TopicLayout[];
}

export interface TopicLayout {
  readonly errorCode: number;
  readonly topic: string;
  /** Replicas of each partition. */
  readonly replicas: readonly number[];
}

/** Metadata, version 8. */
export const clusterLayout: Api<MetadataRequest, ClusterLayout> = {
  name: "Metadata",
  key: 3,
  versionMin: 8,
  versionMax: 8,
  flexibleFrom: 9,
  encode(writer, request) {
    writeTopics(writer, request);
    writer.boolean(false); // include_cluster_authorized_operations
    writer.boolean(false); // include_topic_authorized_operations
  },
  decode(reader) {
    reader.int32(); // throttle time
    const brokers = readBrokers(reader);
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
      reader.int32(); // authorized operations, which were not requested
      return { errorCode, topic, replicas };
    });
    return { brokers, topics };
  },
};
