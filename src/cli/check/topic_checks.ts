// Topic and broker settings that would break the guarantees.

import type { Config } from "../../config/config.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import { controlTopic, progressTopic, snapshotTopic } from "../../sink/topics.ts";
import type { ClusterLayout, TopicLayout } from "../../sink/wire/apis/cluster_layout.ts";
import { ErrorCode } from "../../sink/wire/error_codes.ts";
import { failure, type Finding, type Findings, ok, warning } from "./finding.ts";

const TOPIC_SETTINGS = [
  "min.insync.replicas",
  "cleanup.policy",
  "max.message.bytes",
  "unclean.leader.election.enable",
];
const BROKER_SETTINGS = ["default.replication.factor", "min.insync.replicas", "message.max.bytes"];
const SAFE_REPLICAS = 3;
const TOPICS_NAMED_MAX = 5;

/** Checks existing topics, and the brokers' defaults for topics still to be created. */
export async function* topicFindings(
  config: Config,
  { topics, brokers }: ClusterLayout,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const present = topics.filter((topic) => topic.errorCode === ErrorCode.NONE);
  const faults = new Map<string, Fault & { readonly topics: string[] }>();
  for (const topic of present) {
    const settings = await kafka.settings(
      { resource: "topic", name: topic.topic, settings: TOPIC_SETTINGS },
      signal,
    );
    if (settings === null) {
      yield unreadable(
        "Kafka: topics",
        "settings of the topics",
        `--topic ${config.kafka.topicPrefix}. --resource-pattern-type prefixed`,
      );
      return;
    }
    for (const fault of faultsOf(config, topic, settings)) {
      const known = faults.get(fault.found);
      if (known === undefined) faults.set(fault.found, { ...fault, topics: [topic.topic] });
      else known.topics.push(topic.topic);
    }
  }
  for (const { found, fix, topics } of faults.values()) {
    yield warning("Kafka: topics", `${topicList(topics)}: ${found}`, fix);
  }
  if (present.length > 0 && faults.size === 0) {
    yield ok("Kafka: topics", `${present.length} exist, with settings that keep the guarantees`);
  }
  const [broker] = brokers;
  if (present.length === topics.length || broker === undefined) return;
  const request = { resource: "broker", name: String(broker.nodeId), settings: BROKER_SETTINGS } as const;
  const defaults = await kafka.settings(request, signal);
  if (defaults === null) {
    yield unreadable("Kafka: new topics", "brokers' defaults for new topics", "--cluster");
    return;
  }
  yield defaultsFinding(config, topics.length - present.length, brokers.length, defaults);
  const bytes = Number(defaults.get("message.max.bytes") ?? Infinity);
  if (bytes >= config.kafka.messageBytesMax) return;
  const { found, fix } = sizeFault("the brokers' message.max.bytes", bytes, config.kafka.messageBytesMax);
  yield warning("Kafka: new topics", found, fix);
}

/** A warning: `run` does not need to read the settings, but they can break a guarantee. */
export function unreadable(check: string, what: string, resource: string): Finding {
  return warning(
    check,
    `no permission to read the ${what}: unknown whether they keep the guarantees`,
    `kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:NAME --operation DescribeConfigs ${resource}`,
  );
}

/** A fault of a topic, worded so that it can cover several topics. */
interface Fault {
  readonly found: string;
  readonly fix: string;
}

const ALTER = "kafka-configs.sh --bootstrap-server BROKER --alter --topic TOPIC --add-config";

function* faultsOf(
  { kafka }: Config,
  { topic, replicas }: TopicLayout,
  settings: ReadonlyMap<string, string>,
): Generator<Fault> {
  const factor = Math.min(...replicas);
  const inSync = Number(settings.get("min.insync.replicas") ?? 1);
  if (factor === 1) {
    yield {
      found: "1 replica: if its broker's disk fails, the records are lost",
      fix: "kafka-reassign-partitions.sh, to 3 replicas",
    };
  } else if (inSync < 2) {
    yield {
      found: "min.insync.replicas is 1: records can be lost if one broker fails",
      fix: `${ALTER} min.insync.replicas=2`,
    };
  } else if (inSync >= factor) {
    yield {
      found: `min.insync.replicas is ${inSync} of ${factor} replicas: delivery stops if one broker is down`,
      fix: `${ALTER} min.insync.replicas=${factor - 1}`,
    };
  }
  if (settings.get("unclean.leader.election.enable") === "true") {
    yield {
      found: "unclean leader election can lose records",
      fix: `${ALTER} unclean.leader.election.enable=false`,
    };
  }
  const policy = settings.get("cleanup.policy") ?? "delete";
  const own = OWN_TOPICS.find(({ nameOf }) => nameOf(kafka.topicPrefix) === topic);
  if (own !== undefined) {
    if (policy === own.policy) return;
    yield {
      found: `cleanup.policy is ${policy}: ${own.otherwise}`,
      fix: `${ALTER} cleanup.policy=${own.policy}`,
    };
    return;
  }
  if (policy.includes("compact") && !kafka.tombstones) {
    yield {
      found: "compacted, but deleted rows stay in it without tombstones",
      fix: "set KAFKA_TOMBSTONES=true",
    };
  }
  const bytes = Number(settings.get("max.message.bytes") ?? Infinity);
  if (bytes < kafka.messageBytesMax) yield sizeFault("max.message.bytes", bytes, kafka.messageBytesMax);
}

/** The settings that pg-capture's own topics need. */
const OWN_TOPICS = [
  { nameOf: progressTopic, policy: "compact", otherwise: "the progress record would be deleted" },
  { nameOf: snapshotTopic, policy: "compact", otherwise: "the states of snapshots would be deleted" },
  // All requests of a source have the same key.
  { nameOf: controlTopic, policy: "delete", otherwise: "a request could remove the one before it" },
] as const;

function topicList(topics: readonly string[]): string {
  const more = topics.length - TOPICS_NAMED_MAX;
  return `${topics.slice(0, TOPICS_NAMED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function defaultsFinding(
  { kafka }: Config,
  missing: number,
  brokerCount: number,
  defaults: ReadonlyMap<string, string>,
): Finding {
  const check = "Kafka: new topics";
  const factor = kafka.topicReplicationFactor ?? Number(defaults.get("default.replication.factor") ?? NaN);
  const inSync = Number(defaults.get("min.insync.replicas") ?? NaN);
  if (Number.isNaN(factor)) return ok(check, `${missing} will be created`);
  const found = `${missing} will be created with ${factor} replica${
    factor === 1 ? "" : "s"
  }, min.insync.replicas ${inSync}`;
  if (factor > brokerCount) {
    return failure(
      check,
      `${found}, but there ${brokerCount === 1 ? "is 1 broker" : `are ${brokerCount} brokers`}`,
      `set KAFKA_TOPIC_REPLICATION_FACTOR to at most ${brokerCount}`,
    );
  }
  if (factor >= SAFE_REPLICAS && inSync >= 2) return ok(check, found);
  if (brokerCount < SAFE_REPLICAS) {
    return warning(
      check,
      `${found}, on ${brokerCount} broker${brokerCount === 1 ? "" : "s"}: suitable for testing only`,
      "use 3 brokers",
    );
  }
  return warning(
    check,
    `${found}: records can be lost if one broker fails`,
    "set KAFKA_TOPIC_REPLICATION_FACTOR=3, and min.insync.replicas=2 on the brokers",
  );
}

function sizeFault(name: string, bytes: number, wanted: number): Fault {
  return {
    found: `${name} is ${bytes}, below KAFKA_MAX_MESSAGE_BYTES ${wanted}: brokers would reject a full batch`,
    fix: `set KAFKA_MAX_MESSAGE_BYTES=${bytes}`,
  };
}
