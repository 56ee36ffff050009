// Settings of topics and brokers that would break the promises.

import type { Config } from "../../config/config.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import { progressTopic } from "../../sink/topics.ts";
import type { ClusterRights, TopicRights } from "../../sink/wire/apis/cluster_rights.ts";
import { ErrorCode } from "../../sink/wire/error_codes.ts";
import { type Finding, type Findings, ok, warning } from "./finding.ts";

const TOPIC_SETTINGS = [
  "min.insync.replicas",
  "cleanup.policy",
  "max.message.bytes",
  "unclean.leader.election.enable",
];
const BROKER_SETTINGS = ["default.replication.factor", "min.insync.replicas", "message.max.bytes"];
const SAFE_REPLICAS = 3;

/** The topics that are there, and the defaults of those that are not yet. */
export async function* topicFindings(
  config: Config,
  { topics, brokers }: ClusterRights,
  kafka: KafkaInspection,
  signal: AbortSignal,
): Findings {
  const present = topics.filter((topic) => topic.errorCode === ErrorCode.NONE);
  let faults = 0;
  for (const topic of present) {
    const settings = await kafka.settings(
      { resource: "topic", name: topic.topic, settings: TOPIC_SETTINGS },
      signal,
    );
    for (const finding of oneTopic(config, topic, settings ?? new Map())) {
      faults++;
      yield finding;
    }
  }
  if (present.length > 0 && faults === 0) {
    yield ok("Kafka: topics", `${present.length} are there, none breaks a promise`);
  }
  const [broker] = brokers;
  if (present.length === topics.length || broker === undefined) return;
  const request = { resource: "broker", name: String(broker.nodeId), settings: BROKER_SETTINGS } as const;
  const defaults = await kafka.settings(request, signal) ?? new Map<string, string>();
  yield defaultsFinding(config, topics.length - present.length, brokers.length, defaults);
  yield* sizeFindings(
    config,
    "the brokers' message.max.bytes",
    Number(defaults.get("message.max.bytes") ?? Infinity),
  );
}

function* oneTopic(
  config: Config,
  { topic, replicas }: TopicRights,
  settings: ReadonlyMap<string, string>,
): Generator<Finding> {
  const check = `Kafka: topic ${topic}`;
  const alter = `kafka-configs.sh --bootstrap-server BROKER --alter --topic ${topic} --add-config`;
  const factor = Math.min(...replicas);
  const inSync = Number(settings.get("min.insync.replicas") ?? 1);
  if (factor === 1) {
    yield warning(
      check,
      "it has 1 replica: with its broker's disk its records are lost",
      "kafka-reassign-partitions.sh, to 3 replicas",
    );
  } else if (inSync < 2) {
    yield warning(
      check,
      "min.insync.replicas is 1: a record may be lost with one broker",
      `${alter} min.insync.replicas=2`,
    );
  } else if (inSync >= factor) {
    yield warning(
      check,
      `min.insync.replicas is ${inSync} of ${factor} replicas: one broker away stops delivery`,
      `${alter} min.insync.replicas=${factor - 1}`,
    );
  }
  if (settings.get("unclean.leader.election.enable") === "true") {
    yield warning(
      check,
      "unclean leader election may lose records",
      `${alter} unclean.leader.election.enable=false`,
    );
  }
  const policy = settings.get("cleanup.policy") ?? "delete";
  if (topic === progressTopic(config.kafka.topicPrefix)) {
    if (policy !== "compact") {
      yield warning(
        check,
        `cleanup.policy is ${policy}: the progress record would be deleted`,
        `${alter} cleanup.policy=compact`,
      );
    }
    return;
  }
  if (policy.includes("compact") && !config.kafka.tombstones) {
    yield warning(check, "it is compacted, and deletes leave their rows in it", "set KAFKA_TOMBSTONES=true");
  }
  yield* sizeFindings(
    config,
    `max.message.bytes of ${topic}`,
    Number(settings.get("max.message.bytes") ?? Infinity),
  );
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

function* sizeFindings({ kafka }: Config, name: string, bytes: number): Generator<Finding> {
  if (bytes >= kafka.messageBytesMax) return;
  yield warning(
    "Kafka: sizes",
    `${name} is ${bytes}, below KAFKA_MAX_MESSAGE_BYTES ${kafka.messageBytesMax}: a full batch would be refused`,
    `set KAFKA_MAX_MESSAGE_BYTES=${bytes}`,
  );
}
