// Produce: appends finished record batches to partitions.

import type { Api } from "../api.ts";

export interface ProduceRequest {
  readonly transactionalId: string | null;
  /** 0: the broker sends no response. */
  readonly acks: -1 | 0 | 1;
  readonly timeoutMs: number;
  readonly topics: readonly ProduceTopic[];
}

export interface ProduceTopic {
  readonly topic: string;
  readonly partitions: readonly ProducePartition[];
}

export interface ProducePartition {
  readonly partition: number;
  /** One whole record batch. */
  readonly records: Uint8Array;
}

export type ProduceResponse = readonly ProduceResult[];

export interface ProduceResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** Offset of the batch's first record; -1 if it was rejected. */
  readonly baseOffset: bigint;
}

/**
 * Produce, versions 9 to 11, which have the same layout. Version 12 would be transactions version 2
 * (KIP-890).
 */
export const produce: Api<ProduceRequest, ProduceResponse> = {
  name: "Produce",
  key: 0,
  versionMin: 9,
  versionMax: 11,
  flexibleFrom: 9,
  encode(writer, request) {
    writer.compactString(request.transactionalId);
    writer.int16(request.acks);
    writer.int32(request.timeoutMs);
    writer.compactArrayLength(request.topics.length);
    for (const { topic, partitions } of request.topics) {
      writer.compactString(topic);
      writer.compactArrayLength(partitions.length);
      for (const { partition, records } of partitions) {
        writer.int32(partition);
        writer.compactRecords(records);
        writer.noTags();
      }
      writer.noTags();
    }
    writer.noTags();
  },
  decode(reader) {
    return reader.compactArray(3, () => {
      const topic = reader.compactString();
      const results = reader.compactArray(33, () => {
        const [partition, errorCode, baseOffset] = [reader.int32(), reader.int16(), reader.int64()];
        reader.skip(16); // log append time, log start offset
        reader.compactArray(6, () => {
          reader.int32(); // index of a rejected record
          reader.compactNullableString(); // why
          reader.tags();
        });
        reader.compactNullableString(); // error message: it may include a value of the record
        reader.tags();
        return { topic, partition, errorCode, baseOffset };
      });
      reader.tags();
      return results;
    }).flat();
  },
};
