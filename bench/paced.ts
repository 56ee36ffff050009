// Load at a steady rate: how long after its commit a row can be read by a read-committed consumer.

import { startCapture } from "../dev/servers/capture_process.ts";
import { kafkaClient } from "../dev/servers/kafka_client.ts";
import { delay } from "../dev/servers/server_process.ts";
import { sql } from "../dev/servers/psql.ts";
import { type Backlog, dropSlot, makeBacklog } from "./backlog.ts";
import { MemorySampler } from "./process_usage.ts";
import { SMALL_COLUMNS, smallRow } from "./cases.ts";
import { captureEnvironment } from "./readers.ts";
import type { Servers } from "./servers.ts";
import { percentile, slope } from "./statistics.ts";

/** A steady load. */
export interface PacedLoad {
  readonly transactionsPerSecond: number;
  readonly seconds: number;
  readonly env: Readonly<Record<string, string>>;
  readonly executable: string | undefined;
  /** Rows of another table, whose snapshot runs meanwhile; none when not given. */
  readonly snapshotRows?: number;
}

/** Latencies in milliseconds, of the rows after the first few seconds. */
export interface PacedResult {
  readonly transactionsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly cpuSecondsPerMillion: number;
  readonly peakMb: number;
  /** Of resident memory, after the first few seconds. */
  readonly growthMbPerMinute: number;
}

const WARM_UP_S = 4;
const SESSIONS = 4;
const PATIENCE_MS = 20_000;

/** Runs the load; rows hold the time just before their commit. */
export async function measurePaced(servers: Servers, name: string, load: PacedLoad): Promise<PacedResult> {
  const count = load.transactionsPerSecond * load.seconds;
  const slot = "paced";
  const backlog = await makeBacklog(
    servers,
    {
      name: `paced-${name}`,
      description: "",
      rows: 0,
      setup: () =>
        "CREATE TABLE t (id bigserial PRIMARY KEY, name text, email text, amount numeric(10,2), written_at timestamptz); " +
        `CREATE TABLE stock (${SMALL_COLUMNS}); ` +
        `INSERT INTO stock SELECT ${smallRow("g")} FROM generate_series(1, ${load.snapshotRows ?? 0}) g`,
      fill: () => [],
    },
    0,
    [slot],
  );
  const topicPrefix = `paced-${name}`;
  const env = load.snapshotRows === undefined
    ? load.env
    : { ...load.env, SNAPSHOT_MODE: "initial", SNAPSHOT_TABLES: "public.stock" };
  const topic = `${topicPrefix}.public.t`;
  const admin = kafkaClient(backlog.brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  await admin.disconnect();

  await using capture = await startCapture({
    env: await captureEnvironment(backlog, { slot, topicPrefix, env, executable: load.executable }),
    ...(load.executable === undefined ? {} : { executable: load.executable }),
  });
  const latencies = new Latencies();
  const consumer = kafkaClient(backlog.brokers).consumer({ groupId: `bench-${name}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch }) => {
      latencies.add(batch.messages.map(({ value }) => value));
      return Promise.resolve();
    },
  });
  try {
    await capture.waitForLog("Streaming");
    const sampler = new MemorySampler(capture.pid);
    const startedAt = performance.now();
    await write(backlog, load);
    const writtenIn = (performance.now() - startedAt) / 1000;
    for (const deadline = Date.now() + PATIENCE_MS; latencies.count < count;) {
      if (Date.now() > deadline) throw new Error(`${latencies.count} of ${count} rows arrived`);
      await delay(50);
    }
    const usage = await sampler.stop();
    if (usage === undefined) throw new Error("pg-capture ended by itself");
    const settled = sampler.samples.filter(([at]) => at > WARM_UP_S);
    const measured = latencies.after(WARM_UP_S);
    return {
      transactionsPerSecond: count / writtenIn,
      p50: percentile(measured, 0.5),
      p99: percentile(measured, 0.99),
      p999: percentile(measured, 0.999),
      cpuSecondsPerMillion: usage.cpuSeconds * 1_000_000 / count,
      peakMb: usage.peakMb,
      growthMbPerMinute: slope(settled) * 60,
    };
  } finally {
    await consumer.disconnect();
    await capture.terminate();
    await dropSlot(backlog, slot);
  }
}

/** Each session inserts and commits row by row, and sleeps where it is ahead of its time. */
async function write({ postgres }: Backlog, { transactionsPerSecond, seconds }: PacedLoad): Promise<void> {
  const perSession = transactionsPerSecond * seconds / SESSIONS;
  await Promise.all(Array.from({ length: SESSIONS }, async () => {
    await using connection = await sql(postgres);
    await connection.exec(`DO $$
      DECLARE
        began timestamptz := clock_timestamp();
        ahead double precision;
      BEGIN
        FOR i IN 1..${perSession} LOOP
          INSERT INTO t (name, email, amount, written_at)
            VALUES ('user number '||i, 'user'||i||'@example.com', (i % 10000) / 100.0, clock_timestamp());
          COMMIT;
          ahead := i * ${SESSIONS / transactionsPerSecond}
            - extract(epoch FROM clock_timestamp() - began);
          IF ahead > 0.001 THEN PERFORM pg_sleep(ahead); END IF;
        END LOOP;
      END $$`);
  }));
}

const WRITTEN_AT = '"written_at":"';

/** How long rows took from their own `written_at` to here. */
class Latencies {
  /** When each was written, and how long it took, in milliseconds. */
  readonly #rows: { writtenAt: number; latency: number }[] = [];

  get count(): number {
    return this.#rows.length;
  }

  add(values: readonly (Buffer | null)[]): void {
    const now = performance.timeOrigin + performance.now();
    for (const value of values) {
      const text = value?.toString() ?? "";
      const at = text.indexOf(WRITTEN_AT) + WRITTEN_AT.length;
      const writtenAt = microsecondTime(text.slice(at, text.indexOf('"', at)));
      this.#rows.push({ writtenAt, latency: now - writtenAt });
    }
  }

  /** Those of the rows that were written so many seconds after the first. */
  after(seconds: number): number[] {
    const from = this.#rows.reduce((least, { writtenAt }) => Math.min(least, writtenAt), Infinity);
    return this.#rows.filter(({ writtenAt }) => writtenAt > from + seconds * 1000).map(({ latency }) =>
      latency
    );
  }
}

/** `2026-01-02T03:04:05.123456Z` in milliseconds since 1970, with their fraction. */
function microsecondTime(text: string): number {
  const [whole = "", fraction = "0Z"] = text.split(".");
  return Date.parse(`${whole.replace("Z", "")}Z`) + Number(`0.${fraction.replace("Z", "")}`) * 1000;
}
