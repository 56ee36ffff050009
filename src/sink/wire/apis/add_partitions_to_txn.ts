// AddPartitionsToTxn: adds partitions to a transaction before it writes to them; transactions version 1 only.

import type { Api } from "../api.ts";
import type { TopicPartitions } from "./topic_partitions.ts";

export interface AddPartitionsToTxnRequest {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly topics: readonly TopicPartitions[];
}

export type AddPartitionsToTxnResponse = readonly PartitionResult[];

export interface PartitionResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

/** AddPartitionsToTxn, version 2: the first that can return PRODUCER_FENCED. */
export const addPartitionsToTxn: Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> = {
  name: "AddPartitionsToTxn",
  key: 24,
  versionMin: 2,
  versionMax: 2,
  flexibleFrom: 3,
  encode(writer, request) {
    writer.string(request.transactionalId);
    writer.int64(request.producerId);
    writer.int16(request.producerEpoch);
    writer.arrayLength(request.topics.length);
    for (const { topic, partitions } of request.topics) {
      writer.string(topic);
      writer.arrayLength(partitions.length);
      for (const partition of partitions) writer.int32(partition);
    }
  },
  decode(reader) {
    reader.int32(); // throttle time
    return reader.array(6, () => {
      const topic = reader.string();
      return reader.array(6, () => ({ topic, partition: reader.int32(), errorCode: reader.int16() }));
    }).flat();
  },
};
