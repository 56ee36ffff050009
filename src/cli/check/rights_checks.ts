// Whether Kafka's authorizer allows what pg-capture needs.

import type { Config } from "../../config/config.ts";
import type { SourceIdentity } from "../../core/position.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import type { MissingAcl } from "../../sink/acl_probe.ts";
import { progressTopic, snapshotTopics } from "../../sink/topics.ts";
import type { ClusterLayout } from "../../sink/wire/apis/cluster_layout.ts";
import { ErrorCode } from "../../sink/wire/error_codes.ts";
import { failure, type Finding, ok } from "./finding.ts";

const NAMED_MAX = 5;

/** @param identity undefined if PostgreSQL could not be reached */
export async function rightsFinding(
  { kafka, snapshot }: Config,
  { topics }: ClusterLayout,
  identity: SourceIdentity | undefined,
  inspection: KafkaInspection,
  signal: AbortSignal,
): Promise<Finding> {
  const check = "Kafka: rights";
  const transactional = kafka.delivery === "exactly-once" ? identity ?? null : null;
  const progress = progressTopic(kafka.topicPrefix);
  // Without transactions no progress is written. An existing record is still read.
  const isRead = kafka.delivery === "exactly-once" ||
    topics.some(({ topic, errorCode }) => topic === progress && errorCode === ErrorCode.NONE);
  const names = topics.map(({ topic }) => topic);
  const usesSnapshots = snapshot.mode !== "never";
  const read = [...(isRead ? [progress] : []), ...(usesSnapshots ? snapshotTopics(kafka.topicPrefix) : [])];
  const missing = await inspection.missingAcls(names, read, transactional, signal);
  const reading = usesSnapshots ? "read progress and snapshots" : "read progress";
  if (missing.length === 0) return ok(check, `create and write topics, ${reading}: allowed`);
  const named = missing.slice(0, NAMED_MAX).map(({ operation, resource, name }) =>
    `${operation} on ${resource} "${name}"`
  );
  const others = missing.length > NAMED_MAX ? `, and ${missing.length - NAMED_MAX} more` : "";
  return failure(check, `not allowed: ${named.join(", ")}${others}`, fix(kafka, missing));
}

/** The commands from SECURITY.md that grant the missing rights. */
function fix(
  { topicPrefix, security: { sasl } }: Config["kafka"],
  missing: readonly MissingAcl[],
): string {
  const name = sasl === undefined || sasl.mechanism === "OAUTHBEARER" ? "NAME" : sasl.username;
  const rules: string[] = [];
  const operations = missing.filter(({ operation, resource }) =>
    resource === "topic" && operation !== "Read"
  );
  if (operations.length > 0) {
    const words = [...new Set(operations.map(({ operation }) => `--operation ${operation}`))].join(" ");
    const isPrefixed = (topic: string) => topic.startsWith(`${topicPrefix}.`);
    if (operations.some((right) => isPrefixed(right.name))) {
      rules.push(`${words} --topic ${topicPrefix}. --resource-pattern-type prefixed`);
    }
    // Named by a table rule.
    const others = new Set(operations.map((right) => right.name).filter((topic) => !isPrefixed(topic)));
    for (const topic of others) rules.push(`${words} --topic ${topic}`);
  }
  for (const right of missing) {
    if (right.operation === "Read") rules.push(`--operation Read --topic ${right.name}`);
    if (right.resource === "transactional-id") {
      rules.push(`--operation Write --transactional-id ${right.name}`);
    }
  }
  return rules.map((rule) =>
    `kafka-acls.sh --bootstrap-server BROKER --add --allow-principal "User:${name}" ${rule}`
  ).join("; ");
}
