// The initial snapshot of a table of small rows, from the first record to the last.

import { startCapture } from "../dev/servers/capture_process.ts";
import { tempFolder } from "../dev/servers/janitor.ts";
import { kafkaClient } from "../dev/servers/kafka_client.ts";
import { sql } from "../dev/servers/psql.ts";
import { MemorySampler } from "./process_usage.ts";
import { SMALL_COLUMNS, smallRow } from "./cases.ts";
import type { Servers } from "./servers.ts";

/** What one snapshot came to. */
export interface SnapshotMeasurement {
  readonly rows: number;
  /** From exec to the end of the process, in seconds. */
  readonly seconds: number;
  /** From the first record's timestamp to the last one's. */
  readonly sendingSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** A database with a table of so many rows, and its publication. */
export async function makeSnapshotTable({ postgres }: Servers, database: string, rows: number): Promise<void> {
  {
    await using admin = await sql(postgres);
    await admin.exec(`CREATE DATABASE ${database}`);
  }
  await using connection = await sql({ ...addressOf(postgres), database });
  await connection.exec(`CREATE TABLE t (${SMALL_COLUMNS})`);
  await connection.exec(`INSERT INTO t SELECT ${smallRow("g")} FROM generate_series(1, ${rows}) g`);
  await connection.exec("VACUUM ANALYZE t");
  await connection.exec("CREATE PUBLICATION bench FOR ALL TABLES");
  await connection.exec("CHECKPOINT");
}

/** Runs `SNAPSHOT_MODE=only` once. */
export async function measureSnapshot(
  { postgres, kafka }: Servers,
  database: string,
  run: { readonly name: string; readonly executable: string | undefined; readonly env?: Record<string, string> },
): Promise<SnapshotMeasurement> {
  const topicPrefix = `snap-${run.name}`;
  const startedAt = performance.now();
  await using capture = await startCapture({
    env: {
      PG_HOST: postgres.host,
      PG_PORT: String(postgres.port),
      PG_DATABASE: database,
      PG_USERNAME: postgres.user,
      PG_PASSWORD: postgres.password,
      PG_SLOT_NAME: `snap_${run.name.replaceAll("-", "_")}`,
      PG_PUBLICATION: "bench",
      KAFKA_BROKERS: kafka.bootstrap,
      KAFKA_TOPIC_PREFIX: topicPrefix,
      REPLICATION_CHECKPOINT_FILE: `${await tempFolder("bench")}/checkpoint`,
      METRICS_PORT: "0",
      SNAPSHOT_MODE: "only",
      ...run.env,
    },
    ...(run.executable === undefined ? {} : { executable: run.executable }),
  });
  const sampler = new MemorySampler(capture.pid);
  const exit = await capture.exit;
  const seconds = (performance.now() - startedAt) / 1000;
  const usage = await sampler.stop();
  if (exit.code !== 0 || usage === undefined) throw new Error(`pg-capture ended:\n${capture.log.slice(-5).join("\n")}`);
  const { count, firstMs, lastMs } = await timesOf(kafka.bootstrap, `${topicPrefix}.public.t`);
  return {
    rows: count,
    seconds,
    sendingSeconds: (lastMs - firstMs) / 1000,
    cpuSeconds: usage.cpuSeconds,
    peakMb: usage.peakMb,
  };
}

async function timesOf(brokers: string, topic: string) {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const consumer = kafkaClient(brokers).consumer({ groupId: `g-${crypto.randomUUID()}`, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let [count, firstMs, lastMs] = [0, Infinity, 0];
  const due = new Map(offsets.map(({ partition, high }) => [partition, Number(high)]));
  const done = Promise.withResolvers<void>();
  await consumer.run({
    eachBatch: ({ batch }) => {
      for (const { timestamp } of batch.messages) {
        count++;
        firstMs = Math.min(firstMs, Number(timestamp));
        lastMs = Math.max(lastMs, Number(timestamp));
      }
      // The last offset is a marker's.
      if (Number(batch.lastOffset()) >= due.get(batch.partition)! - 2) due.delete(batch.partition);
      if (due.size === 0) done.resolve();
      return Promise.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  return { count, firstMs, lastMs };
}

function addressOf({ host, port, user, password, database }: Servers["postgres"]) {
  return { host, port, user, password, database };
}
