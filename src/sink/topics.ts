// Names of topics, and who owns which.

import { CaptureError } from "../core/errors.ts";
import type { TopicSettings } from "./topic_directory.ts";

/** Longest name of a topic; its characters are ASCII letters, digits, `.`, `_` and `-` (org.apache.kafka.common.internals.Topic). */
const NAME_LENGTH_MAX = 249;

/**
 * `{prefix}.{schema}.{table}`, each character that Kafka does not take replaced by `_`.
 * @throws CaptureError `topic-conflict` when the name is longer than Kafka takes
 */
export function tableTopic(prefix: string, schema: string, table: string): string {
  const topic = `${prefix}.${schema}.${table}`.replace(/[^A-Za-z0-9._-]/gu, "_");
  if (topic.length <= NAME_LENGTH_MAX) return topic;
  throw new CaptureError(
    "topic-conflict",
    `Cannot name a topic for ${describe(schema, table)}: "${topic}" has ${topic.length} characters, ` +
      `Kafka takes ${NAME_LENGTH_MAX}`,
    { hint: "Set a shorter KAFKA_TOPIC_PREFIX, rename the table, or take it out of the publication" },
  );
}

/** Holds the progress record of each slot. */
export function progressTopic(prefix: string): string {
  return `${prefix}.pg-capture.progress`;
}

/** How the progress topic is created. */
export function progressTopicSettings(
  { topicReplicationFactor }: { readonly topicReplicationFactor?: number },
): TopicSettings {
  return { partitions: 1, replicationFactor: topicReplicationFactor, configs: PROGRESS_TOPIC_CONFIGS };
}

/** Small segments, so that compaction keeps up and little has to be read at start. */
const PROGRESS_TOPIC_CONFIGS = [
  ["cleanup.policy", "compact"],
  ["segment.bytes", "4194304"],
  ["compression.type", "producer"],
  ["message.timestamp.type", "LogAppendTime"],
] as const;

/**
 * The tables that topics belong to: two tables never share one. Kafka takes `.` and `_` for the same in this, since
 * they are in its metrics' names, and refuses to make a topic that differs from another only there.
 */
export class TopicOwners {
  readonly #prefix: string;
  readonly #owners = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#owners.set(unified(progressTopic(prefix)), "pg-capture's own progress");
  }

  /**
   * The table's topic, which belongs to it from now on.
   * @throws CaptureError `topic-conflict` when it belongs to another table, or the name is too long
   */
  claim(schema: string, table: string): string {
    const topic = tableTopic(this.#prefix, schema, table);
    const claimant = describe(schema, table);
    const owner = this.#owners.get(unified(topic)) ?? claimant;
    if (owner !== claimant) {
      throw new CaptureError(
        "topic-conflict",
        `Cannot send ${claimant} to topic "${topic}": Kafka would not tell it from the topic of ${owner}`,
        { hint: "Rename one of the two, or take it out of the publication" },
      );
    }
    this.#owners.set(unified(topic), claimant);
    return topic;
  }
}

/** Quoted, so that a name with control characters is harmless in a log. */
function describe(schema: string, table: string): string {
  return `table ${JSON.stringify(schema)}.${JSON.stringify(table)}`;
}

function unified(topic: string): string {
  return topic.replaceAll(".", "_");
}
