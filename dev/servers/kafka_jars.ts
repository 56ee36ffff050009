// Kafka's jars, from Maven, and what makes its start quick: fetched when first asked for, kept in the cache folder.

import { CACHE_FOLDER, cached, exists } from "./cache.ts";
import { fetchJars } from "./maven.ts";
import { freePort } from "./ports.ts";
import { ServerProcess } from "./server_process.ts";
import { tempFolder } from "./janitor.ts";
import { DevServerError, runTool } from "./tools.ts";

/** How to run a version's broker. */
export interface KafkaJars {
  readonly java: string;
  /** The virtual machine's arguments: the class path and the archive of loaded classes. */
  readonly args: readonly string[];
  /** The content of a formatted data directory, but for meta.properties. */
  readonly formattedFolder: string;
}

/**
 * The jars of one version.
 * @param version of org.apache.kafka:kafka_2.13; 3.9.1 and 4.1.0 are tried
 * @param onProgress called with a line before what takes long
 * @throws DevServerError when Java or Maven are missing or the jars can't be fetched
 */
export async function kafkaJars(version: string, onProgress: (line: string) => void): Promise<KafkaJars> {
  const java = javaProgram();
  const folder = await cached(`kafka-${version}`, async (draft) => {
    await requireJava(java);
    onProgress(`fetching Kafka ${version} (the first time only)`);
    await fetchJars(
      [`org.apache.kafka:kafka_2.13:${version}`, "org.slf4j:slf4j-simple:1.7.36"],
      `${draft}/lib`,
      `the jars of Kafka ${version}`,
      MAVEN_HINT,
    );
    await format(java, draft);
  });
  const jars: KafkaJars = { java, args: await classPath(folder), formattedFolder: `${folder}/formatted` };
  const archive = `${folder}/classes.jsa`;
  if (!await exists(archive)) {
    onProgress(`preparing Kafka ${version} for quick starts (the first time only)`);
    await archiveClasses(jars, archive);
  }
  return { ...jars, args: [...jars.args, `-XX:SharedArchiveFile=${archive}`] };
}

/**
 * A formatted data directory.
 * @param formattedFolder as in KafkaJars
 * @param node the broker's place in its cluster; the first one of a new cluster when not given
 */
export async function makeDataFolder(
  formattedFolder: string,
  dataFolder: string,
  node: { readonly id: number; readonly clusterId: string } = { id: 1, clusterId: randomId() },
): Promise<void> {
  await Deno.mkdir(dataFolder);
  for await (const { name } of Deno.readDir(formattedFolder)) {
    await Deno.copyFile(`${formattedFolder}/${name}`, `${dataFolder}/${name}`);
  }
  await Deno.writeTextFile(
    `${dataFolder}/meta.properties`,
    `version=1\nnode.id=${node.id}\ncluster.id=${node.clusterId}\ndirectory.id=${randomId()}\n`,
  );
}

/** A listener beside the plain one: `SASL_SSL://localhost:9094`. */
export interface SecuredListener {
  readonly name: string;
  readonly protocol: "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
  /** What clients are told to connect to. */
  readonly host: string;
  readonly port: number;
}

/** server.properties of one process that is broker and controller. */
export function serverProperties(
  ports: { readonly broker: number; readonly controller: number },
  dataFolder: string,
  properties: KafkaProperties,
  secured: readonly SecuredListener[] = [],
): string {
  const listeners = secured.map(({ name, port }) => `,${name}://127.0.0.1:${port}`).join("");
  const advertised = secured.map(({ name, host, port }) => `,${name}://${host}:${port}`).join("");
  const protocols = secured.map(({ name, protocol }) => `,${name}:${protocol}`).join("");
  const all: KafkaProperties = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    "listeners":
      `PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}${listeners}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${ports.broker}${advertised}`,
    "listener.security.protocol.map": `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": dataFolder,
    "log.retention.ms": -1,
    "num.partitions": 1,
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    // After a kill the controller takes the broker back only when its old session has ended: 9 s by default.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    // Its default takes 128 MB of the heap at start.
    "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
    ...properties,
  };
  return Object.entries(all).map(([name, value]) => `${name}=${value}\n`).join("");
}

/** Lines for server.properties. */
export type KafkaProperties = Readonly<Record<string, string | number | boolean>>;

/** Whether the broker's log says that it is up. */
export function isBrokerUp(log: string): boolean {
  return log.includes("Kafka Server started");
}

/** Arguments that make the broker log warnings, and that it is up. */
export const LOG_ARGS: readonly string[] = [
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
  "-Dorg.slf4j.simpleLogger.showDateTime=true",
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
];

const JAVA_HINT = "Install Java 17 or newer, or set KAFKA_BROKERS to use a running Kafka.";
const MAVEN_HINT = "Install Maven (mvn), or set KAFKA_BROKERS to use a running Kafka.";

function javaProgram(): string {
  const home = Deno.env.get("JAVA_HOME");
  return home === undefined || home === "" ? "java" : `${home}/bin/java`;
}

async function requireJava(java: string): Promise<void> {
  const purpose = "start Kafka";
  const text = await runTool({
    command: java,
    args: ["-version"],
    purpose,
    missingHint: JAVA_HINT,
    timeoutMs: 30_000,
  });
  const major = Number(/version "(\d+)/.exec(text)?.[1]);
  if (!(major >= 17)) throw new DevServerError(`Cannot ${purpose}: Java ${major} is too old. ${JAVA_HINT}`);
}

/** Once a version: formatting takes a Java process of its own, and only the ids differ between two of them. */
async function format(java: string, folder: string): Promise<void> {
  const scratch = await tempFolder("kafka-format");
  const properties = serverProperties({ broker: 9092, controller: 9093 }, `${scratch}/data`, {});
  await Deno.writeTextFile(`${scratch}/server.properties`, properties);
  await runTool({
    command: java,
    args: [
      ...await classPath(folder),
      ...LOG_ARGS,
      "kafka.tools.StorageTool",
      "format",
      "--cluster-id",
      randomId(),
      "--config",
      `${scratch}/server.properties`,
    ],
    purpose: "format a Kafka data directory",
    missingHint: JAVA_HINT,
    timeoutMs: 60_000,
  });
  await Deno.remove(`${scratch}/data/meta.properties`);
  await runTool({
    command: "cp",
    args: ["-R", `${scratch}/data`, `${folder}/formatted`],
    purpose: "copy a Kafka data directory",
    missingHint: "",
    timeoutMs: 60_000,
  });
  await Deno.remove(scratch, { recursive: true });
}

/**
 * Runs a broker once to write an archive of the classes that it loads (class data sharing): a start then takes half
 * the time. The archive belongs to the class path's very files; Java does without where it does not fit.
 */
async function archiveClasses(jars: KafkaJars, archive: string): Promise<void> {
  const folder = await tempFolder("kafka-archive");
  const draft = await Deno.makeTempFile({ dir: CACHE_FOLDER, suffix: ".jsa" });
  try {
    await makeDataFolder(jars.formattedFolder, `${folder}/data`);
    const ports = { broker: freePort(), controller: freePort() };
    await Deno.writeTextFile(`${folder}/server.properties`, serverProperties(ports, `${folder}/data`, {}));
    const broker = await ServerProcess.launch({
      name: "Kafka",
      command: [
        jars.java,
        ...jars.args,
        ...LOG_ARGS,
        `-XX:ArchiveClassesAtExit=${draft}`,
        "kafka.Kafka",
        `${folder}/server.properties`,
      ],
      env: { PATH: Deno.env.get("PATH") ?? "" },
      folder,
      logFile: `${folder}/kafka.log`,
      user: undefined,
      endSignal: "KILL",
      isReady: isBrokerUp,
    });
    await broker.stop("SIGTERM");
    if ((await Deno.stat(draft)).size > 0) await Deno.rename(draft, archive);
  } finally {
    await Deno.remove(draft).catch(() => {});
    await Deno.remove(folder, { recursive: true });
  }
}

/** The jars by name, in an order that stays: the archive of classes depends on it. */
async function classPath(folder: string): Promise<readonly string[]> {
  const jars: string[] = [];
  for await (const { name } of Deno.readDir(`${folder}/lib`)) jars.push(`${folder}/lib/${name}`);
  return ["-cp", jars.sort().join(":")];
}

/** A new Kafka Uuid: 16 bytes in base64url. The first byte's value keeps it from starting with a dash. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x3f;
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
