// CreateTopics: creates topics.

import type { Api } from "../api.ts";

export interface CreateTopicsRequest {
  readonly topics: readonly NewTopic[];
  readonly timeoutMs: number;
  /** Whether to check the request without creating anything. */
  readonly validateOnly?: boolean;
}

/** In place of a number of partitions or replicas: the broker's default. */
export const BROKER_DEFAULT = -1;

export interface NewTopic {
  readonly topic: string;
  /** Or `BROKER_DEFAULT`. */
  readonly partitions: number;
  /** Or `BROKER_DEFAULT`. */
  readonly replicationFactor: number;
  readonly configs: readonly (readonly [name: string, value: string])[];
}

export type CreateTopicsResponse = readonly CreatedTopic[];

export interface CreatedTopic {
  readonly topic: string;
  readonly errorCode: number;
  /** The broker's message, or null. */
  readonly errorMessage: string | null;
}

/** CreateTopics, version 4: the first that takes the broker's defaults (KIP-464). */
export const createTopics: Api<CreateTopicsRequest, CreateTopicsResponse> = {
  name: "CreateTopics",
  key: 19,
  versionMin: 4,
  versionMax: 4,
  flexibleFrom: 5,
  encode(writer, { topics, timeoutMs, validateOnly }) {
    writer.arrayLength(topics.length);
    for (const { topic, partitions, replicationFactor, configs } of topics) {
      writer.string(topic);
      writer.int32(partitions);
      writer.int16(replicationFactor);
      writer.arrayLength(0); // assignments
      writer.arrayLength(configs.length);
      for (const [name, value] of configs) {
        writer.string(name);
        writer.string(value);
      }
    }
    writer.int32(timeoutMs);
    writer.boolean(validateOnly ?? false);
  },
  decode(reader) {
    reader.int32(); // throttle time
    return reader.array(6, () => ({
      topic: reader.string(),
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
    }));
  },
};
