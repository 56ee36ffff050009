// ListOffsets: where a partition's log starts and where it ends.

import type { Api } from "../api.ts";
import { onlyElement } from "./only_element.ts";

export interface ListOffsetsRequest {
  readonly topic: string;
  readonly partition: number;
  readonly position: "start" | "high-watermark";
}

export interface ListOffsetsResponse {
  readonly errorCode: number;
  readonly offset: bigint;
}

/** ListOffsets, version 2, for one partition, read uncommitted. */
export const listOffsets: Api<ListOffsetsRequest, ListOffsetsResponse> = {
  name: "ListOffsets",
  key: 2,
  versionMin: 2,
  versionMax: 2,
  flexibleFrom: 6,
  encode(writer, request) {
    writer.int32(-1); // replica id: a client
    writer.int8(0); // isolation level: read uncommitted
    writer.arrayLength(1);
    writer.string(request.topic);
    writer.arrayLength(1);
    writer.int32(request.partition);
    writer.int64(request.position === "start" ? EARLIEST_TIMESTAMP : LATEST_TIMESTAMP);
  },
  decode(reader) {
    reader.int32(); // throttle time
    const partitions = reader.array(6, () => {
      reader.string(); // topic
      return reader.array(22, () => {
        reader.int32(); // partition
        const errorCode = reader.int16();
        reader.int64(); // timestamp
        return { errorCode, offset: reader.int64() };
      });
    }).flat();
    return onlyElement(partitions);
  },
};

const LATEST_TIMESTAMP = -1n;
const EARLIEST_TIMESTAMP = -2n;
