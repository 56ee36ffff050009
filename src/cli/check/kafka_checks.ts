// What `run` needs from Kafka: brokers, permissions, and settings that keep the guarantees.

import type { Config } from "../../config/config.ts";
import type { SourceIdentity } from "../../core/position.ts";
import type { PublishedTable } from "../../pipeline/ports.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import { progressTopic, snapshotTopics } from "../../sink/topics.ts";
import { TRANSACTION_TIMEOUT_MS } from "../../sink/transaction.ts";
import type { ClusterLayout } from "../../sink/wire/apis/cluster_layout.ts";
import { formatAddress, type HostPort } from "../../core/address.ts";
import { failed, failure, type Finding, type Findings, ok, warning } from "./finding.ts";
import { kafkaSecurityFindings } from "./kafka_security_checks.ts";
import { rightsFinding } from "./rights_checks.ts";
import { topicFindings, unreadable } from "./topic_checks.ts";
import { topicCollisionFindings, topicsByTable } from "./topic_name_checks.ts";

/** The input of the Kafka checks. */
interface KafkaCheckOptions {
  readonly config: Config;
  /** Undefined if PostgreSQL could not be reached. */
  readonly identity: SourceIdentity | undefined;
  readonly tables: readonly PublishedTable[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

const TOPICS_MAX = 500;

/** Runs all Kafka checks; ends early if no broker answers. */
export async function* kafkaFindings(
  { config, identity, tables, nowMs }: KafkaCheckOptions,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const reached = yield* brokersFindings(config.kafka.brokers, "KAFKA_BROKERS", kafka, signal);
  if (reached === 0) return;
  yield* kafkaSecurityFindings(config, kafka, nowMs, signal);
  const prefix = config.kafka.topicPrefix;
  const checked = tables.slice(0, TOPICS_MAX);
  const own = [progressTopic(prefix), ...(config.snapshot.mode === "never" ? [] : snapshotTopics(prefix))];
  const names = new Set([...own, ...topicsByTable(config, checked).values()]);
  try {
    const layout = await kafka.layout([...names], signal);
    const others = layout.brokers.filter((broker) =>
      !config.kafka.brokers.some((given) => isSame(given, broker))
    );
    yield* brokersFindings(others, "advertised by the cluster", kafka, signal);
    yield await rightsFinding(config, layout, identity, kafka, signal);
    if (config.kafka.delivery === "exactly-once") yield await transactionFinding(layout, kafka, signal);
    yield* topicCollisionFindings(config, layout, checked, kafka, signal);
    yield* topicFindings(config, layout, kafka, signal);
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
    yield ok("Kafka: brokers", `${reached} of ${addresses.length} ${from} reachable`);
  }
  const isNamed = from !== "KAFKA_BROKERS";
  for (const fault of faults) {
    const fix = isNamed
      ? "make that address reachable from here, or set the broker's advertised.listeners to one that is"
      : "start the broker, or correct KAFKA_BROKERS";
    yield isNamed || reached === 0
      ? failure(fault.check, fault.found, isNamed ? fix : fault.fix ?? fix)
      : warning(fault.check, fault.found, fault.fix ?? fix);
  }
  return reached;
}

const TIMEOUT_SETTING = "transaction.max.timeout.ms";

async function transactionFinding(
  { brokers }: ClusterLayout,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Promise<Finding> {
  const check = "Kafka: transactions";
  for (const { nodeId } of brokers) {
    const request = { resource: "broker", name: String(nodeId), settings: [TIMEOUT_SETTING] } as const;
    const settings = await kafka.settings(request, signal);
    if (settings === null) return unreadable(check, "settings of the brokers", "--cluster");
    const timeoutMs = Number(settings.get(TIMEOUT_SETTING) ?? Infinity);
    if (timeoutMs >= TRANSACTION_TIMEOUT_MS) continue;
    return failure(
      check,
      `${TIMEOUT_SETTING} of broker ${nodeId} is ${timeoutMs}, below the required ${TRANSACTION_TIMEOUT_MS}`,
      `set ${TIMEOUT_SETTING}=${TRANSACTION_TIMEOUT_MS} or more in the brokers' server.properties`,
    );
  }
  return ok(check, `allowed to last ${TRANSACTION_TIMEOUT_MS / 1000} s`);
}

function isSame(a: HostPort, b: HostPort): boolean {
  return a.host === b.host && a.port === b.port;
}
