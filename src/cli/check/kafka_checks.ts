// What `run` needs of Kafka: brokers, rights, and settings that keep the promises.

import type { Config } from "../../config/config.ts";
import type { SourceIdentity } from "../../pipeline/position.ts";
import type { PublishedTable } from "../../pipeline/ports.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import { progressTopic, TopicOwners } from "../../sink/topics.ts";
import {
  type ClusterRights,
  Operation,
  type TopicRights,
  UNKNOWN_RIGHTS,
} from "../../sink/wire/apis/cluster_rights.ts";
import { ErrorCode } from "../../sink/wire/error_codes.ts";
import { formatAddress, type HostPort } from "../../sink/wire/socket.ts";
import { failed, failure, type Finding, type Findings, ok, warning } from "./finding.ts";
import { kafkaSecurityFindings } from "./kafka_security_checks.ts";
import { topicFindings } from "./topic_checks.ts";

/** What is checked against. */
export interface KafkaCheckOptions {
  readonly config: Config;
  /** Undefined where PostgreSQL did not tell. */
  readonly identity: SourceIdentity | undefined;
  readonly tables: readonly PublishedTable[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

const TOPICS_MAX = 500;

/** All of them; ends early where no broker answers. */
export async function* kafkaFindings(
  { config, identity, tables, nowMs }: KafkaCheckOptions,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const reached = yield* brokersFindings(config.kafka.brokers, "KAFKA_BROKERS", kafka, signal);
  if (reached === 0) return;
  yield* kafkaSecurityFindings(config, kafka, nowMs, signal);
  const prefix = config.kafka.topicPrefix;
  const owners = new TopicOwners(prefix);
  const names = tables.slice(0, TOPICS_MAX).flatMap(({ schema, table }) => claim(owners, schema, table));
  try {
    const rights = await kafka.rights([progressTopic(prefix), ...names], signal);
    const others = rights.brokers.filter((broker) =>
      !config.kafka.brokers.some((given) => isSame(given, broker))
    );
    yield* brokersFindings(others, "named by the cluster", kafka, signal);
    yield rightsFinding(rights, prefix);
    if (config.kafka.delivery === "exactly-once") yield* transactionFindings(identity, kafka, signal);
    yield* topicFindings(config, rights, kafka, signal);
  } catch (error) {
    yield failed("Kafka: metadata", error);
  }
}

async function* brokersFindings(
  addresses: readonly HostPort[],
  from: string,
  kafka: KafkaInspection,
  signal: AbortSignal,
): AsyncGenerator<Finding, number> {
  const faults: Finding[] = [];
  for (const address of addresses) {
    try {
      await kafka.reach(address, signal);
    } catch (error) {
      faults.push(failed(`Kafka: broker ${formatAddress(address)}`, error));
    }
  }
  const reached = addresses.length - faults.length;
  if (reached > 0) {
    yield ok("Kafka: brokers", `${reached} of ${addresses.length} ${from} can be reached`);
  }
  const isNamed = from !== "KAFKA_BROKERS";
  for (const fault of faults) {
    const mend = isNamed
      ? "make that address reachable from here, or set advertised.listeners of the broker to one that is"
      : "start the broker, or correct KAFKA_BROKERS";
    yield isNamed || reached === 0
      ? failure(fault.check, fault.found, fault.mend ?? mend)
      : warning(fault.check, fault.found, fault.mend ?? mend);
  }
  return reached;
}

function rightsFinding({ topics, clusterOperations }: ClusterRights, prefix: string): Finding {
  const check = "Kafka: rights";
  const rules: string[] = [];
  if (!may(clusterOperations, Operation.CREATE) && topics.some(isAbsent)) {
    rules.push(
      `--operation Create --operation Describe --operation Write --topic ${prefix}. --resource-pattern-type prefixed`,
    );
  }
  for (const topic of topics.filter((each) => each.errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED)) {
    rules.push(`--operation Describe --operation Write --operation Read --topic ${topic.topic}`);
  }
  for (
    const topic of topics.filter((each) =>
      each.errorCode === ErrorCode.NONE && !may(each.operations, Operation.WRITE)
    )
  ) {
    rules.push(`--operation Write --topic ${topic.topic}`);
  }
  const [rule] = rules;
  if (rule === undefined) return ok(check, "topics may be made and written");
  return warning(
    check,
    `${rules.length === 1 ? "a right is" : `${rules.length} rights are`} missing, the first: ${rule}`,
    `kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:NAME ${rule}`,
  );
}

async function* transactionFindings(
  identity: SourceIdentity | undefined,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const check = "Kafka: transactions";
  if (identity === undefined) return;
  try {
    await kafka.requireTransactionalId(identity, signal);
    const version = await kafka.transactionVersion(signal);
    yield ok(check, `version ${version >= 2 ? 2 : 1}`);
  } catch (error) {
    yield failed(check, error);
  }
}

function claim(owners: TopicOwners, schema: string, table: string): string[] {
  try {
    return [owners.claim(schema, table)];
  } catch {
    return []; // reported with the publication
  }
}

function isAbsent({ errorCode }: TopicRights): boolean {
  return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

function may(operations: number, operation: number): boolean {
  return operations === UNKNOWN_RIGHTS || (operations & (1 << operation)) !== 0;
}

function isSame(a: HostPort, b: HostPort): boolean {
  return a.host === b.host && a.port === b.port;
}
