// Debezium on Kafka Connect, standalone, from Maven: the peer that most people use.

import { cachedJars } from "../dev/servers/maven.ts";
import { guard, release, tempFolder } from "../dev/servers/janitor.ts";
import { freePort } from "../dev/servers/ports.ts";
import { arrivalOf, type Measurement } from "./readers.ts";
import type { Backlog } from "./backlog.ts";
import { MemorySampler } from "./process_usage.ts";

const KAFKA_VERSION = "4.1.0";
/** As it is named in the results. */
export const DEBEZIUM_VERSION = "3.3.1.Final";

/** Works through a backlog. With the connector's defaults, JSON without schemas, and what Kafka Connect needs. */
export async function readWithDebezium(
  backlog: Backlog,
  slot: string,
  topicPrefix: string,
): Promise<Measurement> {
  await using arrival = await arrivalOf(backlog, topicPrefix);
  return await runDebezium(backlog, { slot, topicPrefix, snapshotMode: "no_data" }, arrival.wait);
}

/** What is captured, and how. */
interface DebeziumRun {
  readonly slot: string;
  readonly topicPrefix: string;
  readonly snapshotMode: "no_data" | "initial_only";
}

/** Runs it until `wait` resolves. @param wait calls `check` again and again, which throws when it has ended */
export async function runDebezium(
  source: Pick<Backlog, "postgres" | "publication" | "brokers">,
  run: DebeziumRun,
  wait: (check: () => void) => Promise<void>,
): Promise<Measurement> {
  const jars = await cachedJars(`debezium-${DEBEZIUM_VERSION}`, [
    `org.apache.kafka:connect-runtime:${KAFKA_VERSION}`,
    `org.apache.kafka:connect-json:${KAFKA_VERSION}`,
    `io.debezium:debezium-connector-postgres:${DEBEZIUM_VERSION}`,
    "org.slf4j:slf4j-simple:1.7.36",
  ], `the jars of Debezium ${DEBEZIUM_VERSION}`);
  const folder = await tempFolder("debezium");
  await Deno.writeTextFile(`${folder}/worker.properties`, lines(workerProperties(source, folder)));
  await Deno.writeTextFile(
    `${folder}/connector.properties`,
    lines(connectorProperties(source, run)),
  );
  const startedAt = performance.now();
  const log = await Deno.open(`${folder}/connect.log`, { write: true, create: true });
  const child = new Deno.Command("java", {
    args: [
      "-cp",
      `${jars}/*`,
      "org.apache.kafka.connect.cli.ConnectStandalone",
      `${folder}/worker.properties`,
      `${folder}/connector.properties`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const logging = child.stderr.pipeTo(log.writable);
  await guard(child.pid, "KILL");
  let ended = false;
  const status = child.status.then(() => ended = true);
  const sampler = new MemorySampler(child.pid);
  try {
    await wait(() => {
      if (ended) throw new Error(`Kafka Connect ended; its log is ${folder}/connect.log`);
    });
  } finally {
    if (!ended) child.kill("SIGKILL");
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const usage = await sampler.stop();
  await Promise.all([status, logging]);
  await release(child.pid);
  if (usage === undefined) throw new Error("Kafka Connect ended by itself");
  return { seconds, cpuSeconds: usage.cpuSeconds, peakMb: usage.peakMb, memory: sampler.samples };
}

function workerProperties({ brokers }: Pick<Backlog, "brokers">, folder: string): Record<string, string> {
  return {
    "bootstrap.servers": brokers,
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "key.converter.schemas.enable": "false",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.storage.file.filename": `${folder}/offsets`,
    "listeners": `HTTP://127.0.0.1:${freePort()}`,
    "plugin.discovery": "only_scan",
    "topic.creation.enable": "true",
  };
}

function connectorProperties(
  { postgres, publication }: Pick<Backlog, "postgres" | "publication">,
  { slot, topicPrefix, snapshotMode }: DebeziumRun,
): Record<string, string> {
  return {
    "name": "bench",
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "database.hostname": postgres.host,
    "database.port": String(postgres.port),
    "database.user": postgres.user,
    "database.password": postgres.password,
    "database.dbname": postgres.database,
    "topic.prefix": topicPrefix,
    "plugin.name": "pgoutput",
    "slot.name": slot,
    "publication.name": publication,
    "publication.autocreate.mode": "disabled",
    "snapshot.mode": snapshotMode,
    "topic.creation.default.replication.factor": "1",
    "topic.creation.default.partitions": "1",
  };
}

function lines(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join("");
}
