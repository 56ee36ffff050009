// A real Kafka broker on a free port, without Docker: one process in KRaft mode.

import { tempFolder } from "./janitor.ts";
import {
  isBrokerUp,
  type KafkaJars,
  kafkaJars,
  type KafkaProperties,
  LOG_ARGS,
  makeDataFolder,
  randomId,
  serverProperties,
} from "./kafka_jars.ts";
import { BrokerSecurity, type KafkaSecurityOptions } from "./kafka_security.ts";
import { freePort } from "./ports.ts";
import { ServerProcess } from "./server_process.ts";
import { DevServerError, runTool } from "./tools.ts";

export type { KafkaProperties } from "./kafka_jars.ts";

/** What can be chosen about a broker. */
export interface KafkaOptions {
  /** 4.1.0 when not given; 3.9.1 is tried too. */
  readonly version?: string;
  /** Java's heap, at most; 256 when not given. */
  readonly heapMb?: number;
  readonly properties?: KafkaProperties;
  /** Listeners with TLS or a login, beside the plain one. */
  readonly security?: KafkaSecurityOptions;
  /** More arguments for Java. */
  readonly javaArgs?: readonly string[];
  /** The first broker of the cluster that this one is to be another broker of; it is the controller. */
  readonly joins?: KafkaServer;
  /** Its place in a cluster whose brokers are all controllers (kafka_cluster.ts); not together with `joins`. */
  readonly member?: ClusterMember;
  /** Called with a line before what takes long. */
  readonly onProgress?: (line: string) => void;
}

/** A broker that is also a controller, one of several. */
export interface ClusterMember {
  readonly clusterId: string;
  /** From 1 on. */
  readonly id: number;
  /** The controllers' ports, of the one with id 1 first. */
  readonly controllerPorts: readonly number[];
}

/**
 * Starts a broker: PLAINTEXT, topics not made by themselves, internal topics with one replica and one partition,
 * everything in a folder of its own that is removed at the end.
 * @throws DevServerError
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const version = options.version ?? "4.1.0";
  const jars = await kafkaJars(version, options.onProgress ?? (() => {}));
  const folder = await tempFolder(`kafka-${version}`);
  const server = new KafkaServer(version, jars, folder, options);
  try {
    await makeDataFolder(jars.formattedFolder, server.dataDir, server.node);
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** A broker that `startKafka` started. */
export class KafkaServer implements AsyncDisposable {
  readonly version: string;
  readonly host = "127.0.0.1";
  readonly port = freePort();
  readonly dataDir: string;
  /** What the broker logged since it was made: warnings and errors. */
  readonly logFile: string;
  /** Its place in the cluster. */
  readonly node: { readonly id: number; readonly clusterId: string };
  readonly #controllerPort: number;
  #brokers = 1;
  readonly #jars: KafkaJars;
  readonly #folder: string;
  readonly #javaArgs: readonly string[];
  readonly #security: BrokerSecurity | undefined;
  #properties: KafkaProperties;
  #process: ServerProcess | undefined;

  constructor(version: string, jars: KafkaJars, folder: string, options: KafkaOptions) {
    this.version = version;
    this.dataDir = `${folder}/data`;
    this.logFile = `${folder}/kafka.log`;
    const { joins: first, member } = options;
    this.node = member ??
      (first === undefined
        ? { id: 1, clusterId: randomId() }
        : { id: ++first.#brokers, clusterId: first.node.clusterId });
    this.#controllerPort = first === undefined
      ? member?.controllerPorts[member.id - 1] ?? freePort()
      : first.#controllerPort;
    this.#jars = jars;
    this.#folder = folder;
    this.#javaArgs = [`-Xmx${options.heapMb ?? 256}m`, "-XX:+UseSerialGC", ...options.javaArgs ?? []];
    this.#security = options.security && new BrokerSecurity(options.security, folder);
    const another = {
      "process.roles": "broker",
      "node.id": this.node.id,
      "listeners": `PLAINTEXT://${this.bootstrap}`,
    };
    const one = member === undefined ? {} : {
      "node.id": member.id,
      "controller.quorum.voters": member.controllerPorts
        .map((port, index) => `${index + 1}@${this.host}:${port}`).join(","),
    };
    this.#properties = { ...(first === undefined ? one : another), ...options.properties };
  }

  /** What KAFKA_BROKERS is set to. */
  get bootstrap(): string {
    return `${this.host}:${this.port}`;
  }

  /** The secured listener of that name, as KAFKA_BROKERS. @throws DevServerError when there is none */
  securedBootstrap(name: string): string {
    const listener = this.#security?.listeners.find((each) => each.name === name);
    if (listener === undefined) throw new DevServerError(`Kafka ${this.version} has no listener ${name}`);
    return `${listener.host}:${listener.port}`;
  }

  /** The broker's certificates and users. @throws DevServerError when it has no secured listener */
  get security(): BrokerSecurity {
    if (this.#security === undefined) {
      throw new DevServerError(`Kafka ${this.version} has no secured listener`);
    }
    return this.#security;
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** Adds properties; they count from the next start. */
  configure(properties: KafkaProperties): void {
    this.#properties = { ...this.#properties, ...properties };
  }

  /** Starts it again after `stop` or `kill`: the same data and port. */
  async start(): Promise<void> {
    if (this.#process?.running) return;
    const config = `${this.#folder}/server.properties`;
    const ports = { broker: this.port, controller: this.#controllerPort };
    const secured = await this.#security?.write() ?? {};
    await Deno.writeTextFile(
      config,
      serverProperties(
        ports,
        this.dataDir,
        { ...secured, ...this.#properties },
        this.#security?.listeners,
      ),
    );
    this.#process = await ServerProcess.launch({
      name: `Kafka ${this.version}`,
      command: [this.#jars.java, ...this.#jars.args, ...LOG_ARGS, ...this.#javaArgs, "kafka.Kafka", config],
      env: { PATH: Deno.env.get("PATH") ?? "" },
      folder: this.#folder,
      logFile: this.logFile,
      user: undefined,
      endSignal: "KILL",
      isReady: isBrokerUp,
    });
  }

  /** Runs one of Kafka's own tools, as its shell scripts do: `kafka.admin.ConfigCommand`. Returns what it printed. */
  async tool(className: string, args: readonly string[]): Promise<string> {
    return await runTool({
      command: this.#jars.java,
      args: [...this.#jars.args, ...LOG_ARGS, "-Xmx128m", className, ...args],
      // Java reads its arguments in the locale's encoding, which is ASCII where none is set.
      env: { LC_ALL: "C.UTF-8" },
      purpose: `run Kafka's ${className}`,
      missingHint: "",
      timeoutMs: 60_000,
    });
  }

  /** SIGTERM: it writes everything out and ends. */
  async stop(): Promise<void> {
    await this.#process?.stop("SIGTERM");
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#running().kill();
  }

  /** SIGSTOP: connections stay open, nothing answers. */
  async freeze(): Promise<void> {
    await this.#running().freeze();
  }

  thaw(): void {
    this.#running().thaw();
  }

  /** Its data is not wanted any more: no time is spent on writing it out. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #running(): ServerProcess {
    if (this.#process === undefined) throw new DevServerError(`Kafka ${this.version} was never started`);
    return this.#process;
  }
}
