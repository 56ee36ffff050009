// Metadata: the cluster's brokers, and the leader of each partition of the topics asked for.

import type { Api } from "../api.ts";
import type { BufferReader } from "../buffer_reader.ts";
import type { BufferWriter } from "../buffer_writer.ts";

export interface MetadataRequest {
  /** Null: all topics that may be described. */
  readonly topics: readonly string[] | null;
}

export interface MetadataResponse {
  readonly brokers: readonly BrokerAddress[];
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly errorCode: number;
  readonly topic: string;
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly errorCode: number;
  readonly partition: number;
  /** -1 while there is no leader. */
  readonly leaderId: number;
}

/** Metadata, version 4: the first that can leave a missing topic uncreated. */
export const metadata: Api<MetadataRequest, MetadataResponse> = {
  name: "Metadata",
  key: 3,
  versionMin: 4,
  versionMax: 4,
  flexibleFrom: 9,
  encode(writer, request) {
    writeTopics(writer, request);
  },
  decode(reader) {
    reader.int32(); // throttle time
    const brokers = readBrokers(reader);
    reader.nullableString(); // cluster id
    const controllerId = reader.int32();
    const topics = reader.array(9, () => {
      const errorCode = reader.int16();
      const topic = reader.string();
      reader.int8(); // is internal
      const partitions = reader.array(18, () => {
        const partition = { errorCode: reader.int16(), partition: reader.int32(), leaderId: reader.int32() };
        reader.array(4, () => reader.int32()); // replicas
        reader.array(4, () => reader.int32()); // in-sync replicas
        return partition;
      });
      return { errorCode, topic, partitions };
    });
    return { brokers, controllerId, topics };
  },
};

/** The request up to version 7, and the start of later ones. */
export function writeTopics(writer: BufferWriter, { topics }: MetadataRequest): void {
  writer.arrayLength(topics?.length ?? -1);
  for (const topic of topics ?? []) writer.string(topic);
  writer.boolean(false); // allow_auto_topic_creation
}

/** The brokers of a response, before version 9. */
export function readBrokers(reader: BufferReader): BrokerAddress[] {
  return reader.array(12, () => {
    const broker = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
    reader.nullableString(); // rack
    return broker;
  });
}
