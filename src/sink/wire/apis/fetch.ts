// Fetch: a part of one partition's log.

import type { Api } from "../api.ts";
import { onlyElement } from "./only_element.ts";

export interface FetchRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly bytesMax: number;
}

export interface FetchResponse {
  readonly errorCode: number;
  /** -1 if the broker postponed the request. */
  readonly highWatermark: bigint;
  /** Record batches. The last one may be incomplete, the first may start before the offset. */
  readonly records: Uint8Array;
}

/**
 * Fetch, version 10 (the first that returns zstd), for one partition, read uncommitted, without a session.
 */
export const fetch: Api<FetchRequest, FetchResponse> = {
  name: "Fetch",
  key: 1,
  versionMin: 10,
  versionMax: 10,
  flexibleFrom: 12,
  encode(writer, request) {
    writer.int32(-1); // replica id: a client
    writer.int32(0); // maximum wait: none
    writer.int32(0); // minimum bytes
    writer.int32(request.bytesMax);
    writer.int8(0); // isolation level: read uncommitted
    writer.int32(0); // session id
    writer.int32(-1); // session epoch: no session
    writer.arrayLength(1);
    writer.string(request.topic);
    writer.arrayLength(1);
    writer.int32(request.partition);
    writer.int32(-1); // current leader epoch: unknown
    writer.int64(request.offset);
    writer.int64(-1n); // log start offset: for followers
    writer.int32(request.bytesMax);
    writer.arrayLength(0); // forgotten topics
  },
  decode(reader) {
    reader.int32(); // throttle time
    const errorCode = reader.int16();
    reader.int32(); // session id
    const partitions = reader.array(6, () => {
      reader.string(); // topic
      return reader.array(38, () => {
        reader.int32(); // partition
        const partitionErrorCode = reader.int16();
        const highWatermark = reader.int64();
        reader.skip(16); // last stable offset, log start offset
        reader.array(16, () => reader.skip(16)); // aborted transactions
        const length = Math.max(reader.int32(), 0);
        // A copy: the connection reuses its buffer for the next response.
        return { errorCode: partitionErrorCode, highWatermark, records: reader.bytes(length).slice() };
      });
    }).flat();
    return errorCode === 0
      ? onlyElement(partitions)
      : { errorCode, highWatermark: -1n, records: new Uint8Array() };
  },
};
