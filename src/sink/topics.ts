// Names of topics in Kafka: those of tables and pg-capture's own, and which of them Kafka can't tell apart.

import type { CaptureError } from "../core/errors.ts";
import { type TableName, tableText } from "../core/table_name.ts";
import { conflictOf, TopicConflict } from "../core/topic_conflict.ts";
import type { TableRule } from "../rules/table_rule.ts";
import { TableRules } from "../rules/table_rules.ts";
import { collisionKey } from "./topic_collision.ts";
import type { TopicSettings } from "./topic_directory.ts";

/**
 * Longest name of a topic; its characters are ASCII letters, digits, `.`, `_` and `-`
 * (org.apache.kafka.common.internals.Topic).
 */
const NAME_LENGTH_MAX = 249;

/** The topic that holds the progress record of each slot. */
export function progressTopic(prefix: string): string {
  return `${prefix}.pg-capture.progress`;
}

/** The topic that holds the state of each table's snapshot, for each slot. */
export function snapshotTopic(prefix: string): string {
  return `${prefix}.pg-capture.snapshots`;
}

/** The topic for requests about snapshots. */
export function controlTopic(prefix: string): string {
  return `${prefix}.pg-capture.control`;
}

/** The topics that a capture with snapshots reads and writes. */
export function snapshotTopics(prefix: string): readonly string[] {
  return [snapshotTopic(prefix), controlTopic(prefix)];
}

interface OwnTopicOptions {
  readonly topicReplicationFactor?: number | undefined;
}

/** The settings for creating the progress topic and the topic for the states of snapshots. */
export function stateTopicSettings({ topicReplicationFactor }: OwnTopicOptions): TopicSettings {
  return { partitions: 1, replicationFactor: topicReplicationFactor, configs: STATE_TOPIC_CONFIGS };
}

/** The settings for creating the control topic. */
export function controlTopicSettings({ topicReplicationFactor }: OwnTopicOptions): TopicSettings {
  return { partitions: 1, replicationFactor: topicReplicationFactor, configs: CONTROL_TOPIC_CONFIGS };
}

/** A request that is not handled within this time is deleted. */
export const REQUEST_KEPT_HOURS = 24;

const CONTROL_TOPIC_CONFIGS = [
  ["cleanup.policy", "delete"],
  ["retention.ms", String(REQUEST_KEPT_HOURS * 3_600_000)],
  ["message.timestamp.type", "LogAppendTime"],
] as const;

/** Small segments, so that compaction keeps up and little has to be read at start. */
const STATE_TOPIC_CONFIGS = [
  ["cleanup.policy", "compact"],
  ["segment.bytes", "4194304"],
  ["compression.type", "producer"],
  ["message.timestamp.type", "LogAppendTime"],
] as const;

/** Where records go: a table's topic, or one of pg-capture's own. */
export type TopicTarget = TableName | "message" | "dead-letter";

/**
 * Maps each table to its topic, which depends only on its name and the configuration. Tables that existed
 * earlier don't count, so a name that was dropped, renamed or reused blocks no other. If Kafka can't tell two
 * topics apart, the table of the existing topic keeps it, and the other table is refused.
 */
export class TopicNames {
  readonly #prefix: string;
  readonly #rules: TableRules;
  /** pg-capture's own topics, by the form of the name that Kafka compares. */
  readonly #own: ReadonlyMap<string, string>;

  constructor(prefix: string, database: string, rules: readonly TableRule[]) {
    this.#prefix = prefix;
    this.#rules = new TableRules(rules, prefix, database);
    this.#own = new Map([
      [collisionKey(progressTopic(prefix)), "progress"],
      [collisionKey(snapshotTopic(prefix)), "states of snapshots"],
      [collisionKey(controlTopic(prefix)), "snapshot requests"],
      [collisionKey(this.#ownTopic("message")), "logical messages"],
      [collisionKey(this.#ownTopic("dead-letter")), "dead letters"],
    ]);
  }

  /** @throws TopicConflict if Kafka does not accept the name, or if it is one of pg-capture's own topics */
  topicOf(target: TopicTarget): string {
    return typeof target === "string" ? this.#ownTopic(target) : this.#tableTopic(target);
  }

  /** The tables whose topics prevent their changes from being sent; of two that collide, the later one. */
  conflicts(tables: readonly TableName[]): readonly CaptureError[] {
    const conflicts: CaptureError[] = [];
    const users = new Map<string, TableName & { readonly topic: string }>();
    for (const { schema, table } of tables) {
      try {
        const topic = this.topicOf({ schema, table });
        const key = collisionKey(topic);
        const other = users.get(key);
        if (other === undefined) users.set(key, { schema, table, topic });
        else if (other.topic !== topic) throw indistinct(topic, other);
      } catch (error) {
        if (!(error instanceof TopicConflict)) throw error;
        conflicts.push(conflictOf({ schema, table }, error));
      }
    }
    return conflicts;
  }

  #ownTopic(target: "message" | "dead-letter"): string {
    return `${this.#prefix}.${target}`;
  }

  #tableTopic(table: TableName): string {
    const { topic } = this.#rules.compile(table.schema, table.table);
    if (topic.length > NAME_LENGTH_MAX) {
      throw new TopicConflict(
        topic,
        `its name has ${topic.length} characters, Kafka takes ${NAME_LENGTH_MAX}`,
        [],
      );
    }
    const own = this.#own.get(collisionKey(topic));
    if (own === undefined) return topic;
    throw new TopicConflict(topic, `it is the topic of pg-capture's own ${own}`, []);
  }
}

function indistinct(topic: string, other: TableName & { readonly topic: string }): TopicConflict {
  return new TopicConflict(
    topic,
    `Kafka can't tell it from topic "${other.topic}" of ${tableText(other)}`,
    [`if topic "${topic}" is in Kafka already, give ${tableText(other)} another one instead`],
  );
}
