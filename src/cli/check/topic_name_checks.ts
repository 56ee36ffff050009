// Topic names that `run` can't use: invalid in Kafka, or in conflict with another topic.

import type { Config } from "../../config/config.ts";
import type { CaptureError } from "../../core/errors.ts";
import { conflictOf, TopicConflict } from "../../core/topic_conflict.ts";
import type { TableName } from "../../core/table_name.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import { TopicNames } from "../../sink/topics.ts";
import type { ClusterLayout } from "../../sink/wire/apis/cluster_layout.ts";
import { ErrorCode } from "../../sink/wire/error_codes.ts";
import { failed, type Finding, type Findings, ok, warning } from "./finding.ts";

/** Checks the published tables' topics against each other. */
export function* topicNameFindings(config: Config, tables: readonly TableName[]): Generator<Finding> {
  const check = "Topics: names";
  const conflicts = topicNames(config).conflicts(tables);
  for (const conflict of conflicts) yield conflictFinding(config, check, conflict);
  if (conflicts.length > 0) return;
  const { length } = config.tables;
  const rules = length === 0 ? "" : `, changed by ${length} rule${length === 1 ? "" : "s"}`;
  yield ok(check, `${config.kafka.topicPrefix}.{schema}.{table}${rules}; no conflicts`);
}

/**
 * Checks the topics to be created against existing topics.
 * @param tables the tables whose topics are in the layout
 */
export async function* topicCollisionFindings(
  config: Config,
  { topics }: ClusterLayout,
  tables: readonly TableName[],
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const missing = topics.filter(({ errorCode }) => errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const conflicts = await kafka.collisions(missing.map(({ topic }) => topic), signal);
  const topicOf = topicsByTable(config, tables);
  for (const conflict of conflicts) {
    const users = tables.filter((table) => topicOf.get(table) === conflict.topic);
    if (users.length === 0) yield failed("Topics: names", conflict);
    for (const table of users) yield conflictFinding(config, "Topics: names", conflictOf(table, conflict));
  }
}

/** The topic of each table. Leaves out tables whose topic can't be used: `topicNameFindings` reports them. */
export function topicsByTable(config: Config, tables: readonly TableName[]): ReadonlyMap<TableName, string> {
  const names = topicNames(config);
  const topics = new Map<TableName, string>();
  for (const table of tables) {
    try {
      topics.set(table, names.topicOf(table));
    } catch (error) {
      if (!(error instanceof TopicConflict)) throw error;
    }
  }
  return topics;
}

function topicNames({ pg, kafka, tables }: Config): TopicNames {
  return new TopicNames(kafka.topicPrefix, pg.database, tables);
}

function conflictFinding({ kafka }: Config, check: string, conflict: CaptureError): Finding {
  return kafka.oversize === "stop"
    ? failed(check, conflict)
    : warning(check, `${conflict.message}; its changes go to the dead-letter topic`, conflict.fix);
}
