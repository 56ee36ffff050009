// Kafka's own ProducerPerformance: how fast Java's client writes records of the same size to the same broker.

import { kafkaClient } from "../dev/servers/kafka_client.ts";
import { cachedJars } from "../dev/servers/maven.ts";
import { runTool } from "../dev/servers/tools.ts";
import { tempFolder } from "../dev/servers/janitor.ts";

const KAFKA_VERSION = "4.1.0";
const TIMEOUT_MS = 300_000;

/**
 * @param record what the records hold, all the same
 * @returns records a second, as it prints them
 */
export async function producerPerformance(
  brokers: string,
  topic: string,
  count: number,
  record: string,
): Promise<number> {
  const jars = await cachedJars(`kafka-tools-${KAFKA_VERSION}`, [
    `org.apache.kafka:kafka-tools:${KAFKA_VERSION}`,
    "org.slf4j:slf4j-simple:1.7.36",
  ], `the jars of Kafka's tools ${KAFKA_VERSION}`);
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  await admin.disconnect();
  const folder = await tempFolder("producer-performance");
  await Deno.writeTextFile(`${folder}/payload`, record);
  const printed = await runTool({
    command: "java",
    args: [
      ...["-cp", `${jars}/*`, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"],
      ...["org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", String(count)],
      ...["--throughput", "-1", "--payload-file", `${folder}/payload`, "--producer-props"],
      ...[`bootstrap.servers=${brokers}`, "acks=all", "compression.type=snappy", "linger.ms=100"],
    ],
    purpose: "run Kafka's ProducerPerformance",
    missingHint: "Install Java 17 or newer.",
    timeoutMs: TIMEOUT_MS,
  });
  const rates = [...printed.matchAll(/records sent, ([\d.]+) records\/sec/g)];
  const rate = Number(rates.at(-1)?.[1]);
  if (!(rate > 0)) throw new Error(`ProducerPerformance printed no rate:\n${printed}`);
  return rate;
}
