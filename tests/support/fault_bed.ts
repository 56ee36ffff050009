// A test bed with a proxy in front of each server, on servers of its own where a test stops or freezes them.

import { type KafkaOptions, type KafkaServer, startKafka } from "../../dev/servers/kafka.ts";
import { type PostgresOptions, type PostgresServer, startPostgres } from "../../dev/servers/postgres.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type CaptureOptions, type CaptureProcess, startCapture } from "./capture.ts";
import { assertDelivered, type JudgedBed, waitUntilConfirmed } from "./oracle.ts";
import { KafkaApi, type Proxy, startProxy } from "./proxy.ts";
import { lastingSql } from "../../dev/servers/psql.ts";
import { createTestBed, sharedServers, type TestBed } from "./servers.ts";
import { createWriterTables, WRITER_TABLES, type Writers } from "./writer.ts";

/** What can be chosen about a fault bed. */
export interface FaultBedOptions {
  /** A PostgreSQL of the test's own, to be stopped and broken. */
  readonly postgres?: PostgresOptions;
  /** A Kafka of the test's own. */
  readonly kafka?: KafkaOptions;
  /** Whether to make the publication; true when not given. */
  readonly publish?: boolean;
  /** Whether a second slot is kept for the oracle, which keeps WAL; as `publish` when not given. */
  readonly secondSlot?: boolean;
}

/** A test bed whose `env` leads through the proxies; its `sql` and `brokers` lead past them. */
export interface FaultBed extends TestBed {
  readonly toPostgres: Proxy;
  readonly toKafka: Proxy;
  /** The PostgreSQL of the test's own. @throws Error when it has none */
  readonly postgresServer: PostgresServer;
  /** The Kafka of the test's own. @throws Error when it has none */
  readonly kafkaServer: KafkaServer;
}

/** Makes it, with the writers' tables. Disposing of it ends its proxies and servers. */
export async function createFaultBed(options: FaultBedOptions = {}): Promise<FaultBed> {
  await using stack = new AsyncDisposableStack();
  const [postgres, kafka] = await Promise.all([
    options.postgres && startPostgres(options.postgres),
    options.kafka && startKafka(options.kafka),
  ]);
  if (postgres !== undefined) stack.use(postgres);
  if (kafka !== undefined) stack.use(kafka);
  const bed = await createBed(options, postgres, kafka);
  stack.use(bed);
  const lasting = stack.use(lastingSql(bed.postgres));
  await createWriterTables(lasting);
  const toPostgres = stack.use(await startProxy({ port: bed.postgres.port, protocol: "any" }));
  const brokerPort = Number(bed.brokers.split(":")[1]);
  const toKafka = stack.use(await startProxy({ port: brokerPort, protocol: "kafka" }));
  const disposables = stack.move();
  return {
    ...bed,
    sql: lasting,
    env: { ...bed.env, PG_PORT: String(toPostgres.port), KAFKA_BROKERS: toKafka.address },
    toPostgres,
    toKafka,
    get postgresServer() {
      return postgres ?? missing("PostgreSQL");
    },
    get kafkaServer() {
      return kafka ?? missing("Kafka");
    },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

async function createBed(
  { publish = true, secondSlot = publish }: FaultBedOptions,
  postgres: PostgresServer | undefined,
  kafka: KafkaServer | undefined,
): Promise<TestBed> {
  if (postgres === undefined && kafka === undefined) return await createTestBed({ publish, secondSlot });
  const servers = postgres !== undefined && kafka !== undefined ? undefined : await sharedServers();
  return await createTestBed({
    publish,
    secondSlot,
    servers: {
      postgres: postgres ?? servers?.postgres ?? missing("PostgreSQL"),
      brokers: kafka?.bootstrap ?? servers?.brokers ?? missing("Kafka"),
    },
  });
}

function missing(server: string): never {
  throw new Error(`this test bed has no ${server} of its own`);
}

/** A pg-capture that streams through the bed's proxies. */
export async function startStreaming(
  bed: FaultBed,
  env: Readonly<Record<string, string>> = {},
  options: Pick<CaptureOptions, "script" | "wrapper"> = {},
): Promise<CaptureProcess> {
  const capture = await startCapture({ ...options, env: { ...bed.env, ...env } });
  try {
    await capture.waitForLog("Streaming");
    return capture;
  } catch (error) {
    await capture.kill();
    throw error;
  }
}

/** The end of a fault test: the writers stop, the slot is confirmed, and the oracle finds nothing wrong. */
export async function assertExactlyOnce(
  bed: JudgedBed,
  capture: CaptureProcess,
  writers?: Writers,
  timeoutMs = 60_000,
): Promise<void> {
  await writers?.stop();
  await waitUntilConfirmed(bed, capture, timeoutMs);
  const count = await assertDelivered(bed, WRITER_TABLES);
  if (count === 0) throw new Error("nothing was delivered: this test tested nothing");
}

/** Waits for so many more commits to pass on their way to Kafka: delivery goes on. */
export async function waitForCommits(
  bed: Pick<FaultBed, "toKafka">,
  capture: CaptureProcess,
  count = 2,
): Promise<void> {
  const commits = () => bed.toKafka.requests.get(KafkaApi.EndTxn) ?? 0;
  const enough = commits() + count;
  const deadline = Date.now() + COMMITS_TIMEOUT_MS;
  while (commits() < enough) {
    if (Date.now() > deadline || !capture.running) {
      throw new Error(`no ${count} commits came\n${capture.log.slice(-15).join("\n")}`);
    }
    await delay(10);
  }
}

const COMMITS_TIMEOUT_MS = 60_000;

/** Copies a server's data directory, owners and modes kept. */
export async function copyFolder(from: string, to: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  if (!success) throw new Error(`cannot copy ${from}`);
}
