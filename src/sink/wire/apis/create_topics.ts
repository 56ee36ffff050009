// CreateTopics: makes one topic.

import type { Api } from "../api.ts";
import { onlyElement } from "./only_element.ts";

export interface CreateTopicsRequest {
  readonly topic: string;
  /** -1: the broker's default. */
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly configs: readonly (readonly [name: string, value: string])[];
  readonly timeoutMs: number;
}

export interface CreateTopicsResponse {
  readonly errorCode: number;
  /** The broker's own words, or null. */
  readonly errorMessage: string | null;
}

/** CreateTopics, version 4: the first that takes the broker's defaults (KIP-464). */
export const createTopics: Api<CreateTopicsRequest, CreateTopicsResponse> = {
  name: "CreateTopics",
  key: 19,
  versionMin: 4,
  versionMax: 4,
  flexibleFrom: 5,
  encode(writer, request) {
    writer.arrayLength(1);
    writer.string(request.topic);
    writer.int32(request.partitions);
    writer.int16(request.replicationFactor);
    writer.arrayLength(0); // assignments
    writer.arrayLength(request.configs.length);
    for (const [name, value] of request.configs) {
      writer.string(name);
      writer.string(value);
    }
    writer.int32(request.timeoutMs);
    writer.boolean(false); // validate only
  },
  decode(reader) {
    reader.int32(); // throttle time
    return onlyElement(reader.array(6, () => {
      reader.string(); // topic
      return { errorCode: reader.int16(), errorMessage: reader.nullableString() };
    }));
  },
};
