// Settings of topics and brokers that would break the promises.

import type { Config } from "../../config/config.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import { progressTopic } from "../../sink/topics.ts";
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

/** The topics that are there, and the defaults of those that are not yet. */
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
    yield ok("Kafka: topics", `${present.length} are there, none breaks a promise`);
  }
  const [broker] = brokers;
  if (present.length === topics.length || broker === undefined) return;
  const request = { resource: "broker", name: String(broker.nodeId), settings: BROKER_SETTINGS } as const;
  const defaults = await kafka.settings(request, signal);
  if (defaults === null) {
    yield unreadable("Kafka: new topics", "settings of the brokers, which they get,", "--cluster");
    return;
  }
  yield defaultsFinding(config, topics.length - present.length, brokers.length, defaults);
  const bytes = Number(defaults.get("message.max.bytes") ?? Infinity);
  if (bytes >= config.kafka.messageBytesMax) return;
  const { found, fix } = sizeFault("message.max.bytes of the brokers", bytes, config.kafka.messageBytesMax);
  yield warning("Kafka: new topics", found, fix);
}

/** `run` does not need them; a look at them would tell what breaks a promise. */
export function unreadable(check: string, what: string, resource: string): Finding {
  return warning(
    check,
    `the ${what} may not be read: whether they break a promise is not known`,
    `kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:NAME --operation DescribeConfigs ${resource}`,
  );
}

/** What is wrong with a topic, in words that fit others too. */
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
      found: "1 replica: with its broker's disk the records are lost",
      fix: "kafka-reassign-partitions.sh, to 3 replicas",
    };
  } else if (inSync < 2) {
    yield {
      found: "min.insync.replicas is 1: a record may be lost with one broker",
      fix: `${ALTER} min.insync.replicas=2`,
    };
  } else if (inSync >= factor) {
    yield {
      found: `min.insync.replicas is ${inSync} of ${factor} replicas: one broker away stops delivery`,
      fix: `${ALTER} min.insync.replicas=${factor - 1}`,
    };
  }
  if (settings.get("unclean.leader.election.enable") === "true") {
    yield {
      found: "unclean leader election may lose records",
      fix: `${ALTER} unclean.leader.election.enable=false`,
    };
  }
  const policy = settings.get("cleanup.policy") ?? "delete";
  if (topic === progressTopic(kafka.topicPrefix)) {
    if (policy === "compact") return;
    yield {
      found: `cleanup.policy is ${policy}: the progress record would be deleted`,
      fix: `${ALTER} cleanup.policy=compact`,
    };
    return;
  }
  if (policy.includes("compact") && !kafka.tombstones) {
    yield { found: "compacted, and deletes leave their rows in it", fix: "set KAFKA_TOMBSTONES=true" };
  }
  const bytes = Number(settings.get("max.message.bytes") ?? Infinity);
  if (bytes < kafka.messageBytesMax) yield sizeFault("max.message.bytes", bytes, kafka.messageBytesMax);
}

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
  if (Number.isNaN(factor)) return ok(check, `${missing} will be made`);
  const found = `${missing} will be made with ${factor} replica${
    factor === 1 ? "" : "s"
  }, min.insync.replicas ${inSync}`;
  if (factor > brokerCount) {
    return failure(
      check,
      `${found}, and there ${brokerCount === 1 ? "is 1 broker" : `are ${brokerCount} brokers`}`,
      `set KAFKA_TOPIC_REPLICATION_FACTOR to ${brokerCount} at most`,
    );
  }
  if (factor >= SAFE_REPLICAS && inSync >= 2) return ok(check, found);
  if (brokerCount < SAFE_REPLICAS) {
    return warning(
      check,
      `${found}, on ${brokerCount} broker${brokerCount === 1 ? "" : "s"}: for trying out`,
      "use 3 brokers",
    );
  }
  return warning(
    check,
    `${found}: a record may be lost with one broker`,
    "set KAFKA_TOPIC_REPLICATION_FACTOR=3, and min.insync.replicas=2 of the brokers",
  );
}

function sizeFault(name: string, bytes: number, wanted: number): Fault {
  return {
    found: `${name} is ${bytes}, below KAFKA_MAX_MESSAGE_BYTES ${wanted}: a full batch would be refused`,
    fix: `set KAFKA_MAX_MESSAGE_BYTES=${bytes}`,
  };
}
