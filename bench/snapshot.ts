// The initial snapshot of a table of small rows, from the first record to the last.

import { startCapture } from "../dev/servers/capture_process.ts";
import { tempFolder } from "../dev/servers/janitor.ts";
import { kafkaClient } from "../dev/servers/kafka_client.ts";
import type { PostgresAddress } from "../dev/servers/postgres.ts";
import { delay } from "../dev/servers/server_process.ts";
import { sql } from "../dev/servers/psql.ts";
import { recordsIn } from "./backlog.ts";
import { SMALL_COLUMNS, smallRow } from "./cases.ts";
import { runDebezium } from "./debezium.ts";
import { MemorySampler } from "./process_usage.ts";
import type { Servers } from "./servers.ts";

/** What one snapshot came to. */
export interface SnapshotMeasurement {
  /** From the first record's timestamp to the last one's, in seconds. */
  readonly sendingSeconds: number;
  /** From exec to the last record, in seconds. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** A database with one table. */
export interface SnapshotSource {
  readonly postgres: PostgresAddress;
  readonly brokers: string;
  readonly publication: string;
  readonly rows: number;
}

const TABLE = "t";

export async function makeSnapshotSource(
  { postgres, kafka }: Servers,
  rows: number,
): Promise<SnapshotSource> {
  const database = `bench_snapshot_${rows}`;
  const { host, port, user, password } = postgres;
  const address = { host, port, user, password, database };
  {
    await using server = await sql(postgres);
    await server.exec(`DROP DATABASE IF EXISTS ${database}`);
    await server.exec(`CREATE DATABASE ${database}`);
  }
  await using connection = await sql(address);
  await connection.exec(`CREATE TABLE ${TABLE} (${SMALL_COLUMNS})`);
  await connection.exec(`INSERT INTO ${TABLE} SELECT ${smallRow("g")} FROM generate_series(1, ${rows}) g`);
  await connection.exec(`VACUUM ANALYZE ${TABLE}`);
  await connection.exec("CREATE PUBLICATION bench FOR ALL TABLES");
  await connection.exec("CHECKPOINT");
  return { postgres: address, brokers: kafka.bootstrap, publication: "bench", rows };
}

/** `SNAPSHOT_MODE=only`, to its end. @param run names slot and topics */
export async function snapshotWithCapture(
  { postgres, brokers, publication, rows }: SnapshotSource,
  run: string,
  executable: string | undefined,
): Promise<SnapshotMeasurement> {
  const startedAt = performance.now();
  await using capture = await startCapture({
    env: {
      PG_HOST: postgres.host,
      PG_PORT: String(postgres.port),
      PG_DATABASE: postgres.database,
      PG_USERNAME: postgres.user,
      PG_PASSWORD: postgres.password,
      PG_SLOT_NAME: run.replaceAll("-", "_"),
      PG_PUBLICATION: publication,
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: run,
      REPLICATION_CHECKPOINT_FILE: `${await tempFolder("checkpoint")}/checkpoint`,
      METRICS_PORT: "0",
      SNAPSHOT_MODE: "only",
    },
    ...(executable === undefined ? {} : { executable }),
  });
  const sampler = new MemorySampler(capture.pid);
  const exit = await capture.exit;
  const seconds = (performance.now() - startedAt) / 1000;
  const usage = await sampler.stop();
  if (exit.code !== 0 || usage === undefined) {
    throw new Error(`pg-capture ended:\n${capture.log.slice(-5).join("\n")}`);
  }
  await dropSlot(postgres, run.replaceAll("-", "_"));
  const sendingSeconds = await sendingTime(brokers, `${run}.public.${TABLE}`, rows);
  return { sendingSeconds, seconds, cpuSeconds: usage.cpuSeconds, peakMb: usage.peakMb };
}

/** Debezium's initial snapshot of the same rows. */
export async function snapshotWithDebezium(
  source: SnapshotSource,
  run: string,
): Promise<SnapshotMeasurement> {
  const { brokers, rows } = source;
  const topic = `${run}.public.${TABLE}`;
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const { seconds, cpuSeconds, peakMb } = await runDebezium(
      source,
      { slot: run.replaceAll("-", "_"), topicPrefix: run, snapshotMode: "initial_only" },
      async (check) => {
        while (await recordsIn(admin, [topic]) < rows) {
          check();
          await delay(100);
        }
      },
    );
    return { sendingSeconds: await sendingTime(brokers, topic, rows), seconds, cpuSeconds, peakMb };
  } finally {
    await admin.disconnect();
  }
}

/** From the first record's timestamp to the last one's. @throws Error when it is not one record a row */
async function sendingTime(brokers: string, topic: string, rows: number): Promise<number> {
  const consumer = kafkaClient(brokers).consumer({ groupId: crypto.randomUUID() });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let [count, firstMs, lastMs] = [0, Infinity, 0];
  const done = Promise.withResolvers<void>();
  await consumer.run({
    eachBatch: ({ batch }) => {
      for (const { timestamp } of batch.messages) {
        count++;
        firstMs = Math.min(firstMs, Number(timestamp));
        lastMs = Math.max(lastMs, Number(timestamp));
      }
      if (count >= rows) done.resolve();
      return Promise.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  if (count > rows) throw new Error(`${count} records of ${rows} rows`);
  return (lastMs - firstMs) / 1000;
}

async function dropSlot(postgres: PostgresAddress, slot: string): Promise<void> {
  await using connection = await sql(postgres);
  await connection.rows(
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active",
    [slot],
  );
}
