// Runs a reader over a backlog, and says how long it took and what it used.

import type { PostgresAddress } from "../dev/postgres.ts";
import { startCapture } from "../dev/capture_process.ts";
import { kafkaClient } from "../dev/kafka_client.ts";
import { delay } from "../dev/server_process.ts";

/** What one run of one reader came to. */
export interface Measurement {
  /** From exec to the last row's arrival, in seconds. */
  readonly seconds: number;
  /** User and system time of the reader, in seconds. */
  readonly cpuSeconds: number;
  /** VmHWM in megabytes. */
  readonly peakMb: number;
}

/** A backlog in a database, and a slot that stands before it. */
export interface Backlog {
  readonly postgres: PostgresAddress;
  readonly brokers: string;
  readonly slot: string;
  readonly publication: string;
  readonly topicPrefix: string;
  readonly rows: number;
  /** The end of WAL behind the backlog. */
  readonly endLsn: string;
  readonly folder: string;
}

const POLL_MS = 20;
const CLOCK_TICKS = 100;

/** Raw PostgreSQL: its own C client, which writes what comes to /dev/null. */
export async function measureRaw(backlog: Backlog): Promise<Measurement> {
  const { postgres, slot, publication, endLsn } = backlog;
  const startedAt = performance.now();
  const child = new Deno.Command("pg_recvlogical", {
    args: [
      ...["-h", postgres.host, "-p", String(postgres.port), "-U", postgres.user, "-d", postgres.database],
      ...["--slot", slot, "--start", "-o", "proto_version=1", "-o", `publication_names=${publication}`],
      ...["-f", "/dev/null", "-E", endLsn, "--no-loop"],
    ],
    env: { PGPASSWORD: postgres.password },
    stdout: "null",
    stderr: "null",
  }).spawn();
  let usage = { cpuSeconds: 0, peakMb: 0 };
  const watching = (async () => {
    for (let current = await usageOf(child.pid); current !== undefined; current = await usageOf(child.pid)) {
      usage = current;
      await delay(POLL_MS);
    }
  })();
  const { success } = await child.status;
  const seconds = (performance.now() - startedAt) / 1000;
  await watching;
  if (!success) throw new Error("pg_recvlogical failed");
  return { seconds, ...usage };
}

/** pg-capture as its own process, until every row is in its topic. */
export async function measureCapture(
  backlog: Backlog,
  topics: readonly string[],
  env: Readonly<Record<string, string>>,
  executable: string | undefined,
): Promise<Measurement> {
  const { postgres, brokers, slot, publication, topicPrefix, folder } = backlog;
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const startedAt = performance.now();
    await using capture = await startCapture({
      env: {
        PG_HOST: postgres.host,
        PG_PORT: String(postgres.port),
        PG_DATABASE: postgres.database,
        PG_USERNAME: postgres.user,
        PG_PASSWORD: postgres.password,
        PG_SLOT_NAME: slot,
        PG_PUBLICATION: publication,
        KAFKA_BROKERS: brokers,
        KAFKA_TOPIC_PREFIX: topicPrefix,
        REPLICATION_CHECKPOINT_FILE: `${folder}/${slot}`,
        METRICS_PORT: "0",
        ...env,
      },
      ...(executable === undefined ? {} : { executable }),
    });
    for (;;) {
      if (!capture.running) throw new Error(`pg-capture ended:\n${capture.log.slice(-5).join("\n")}`);
      if (await recordsIn(admin, topics) >= backlog.rows) break;
      await delay(POLL_MS);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const usage = await usageOf(capture.pid);
    await capture.terminate();
    if (usage === undefined) throw new Error("pg-capture ended by itself");
    return { seconds, ...usage };
  } finally {
    await admin.disconnect();
  }
}

/** Records, and the control records of their transactions: one more than rows says that the last has begun to arrive. */
async function recordsIn(
  admin: ReturnType<ReturnType<typeof kafkaClient>["admin"]>,
  topics: readonly string[],
): Promise<number> {
  let count = 0;
  for (const topic of topics) {
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => []);
    for (const { high, low } of offsets) count += Number(high) - Number(low);
  }
  return count;
}

/** From /proc, as the kernel counts; undefined when the process has ended. */
export async function usageOf(pid: number): Promise<{ cpuSeconds: number; peakMb: number } | undefined> {
  try {
    const [stat, status] = await Promise.all([
      Deno.readTextFile(`/proc/${pid}/stat`),
      Deno.readTextFile(`/proc/${pid}/status`),
    ]);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1];
    if (peak === undefined) return undefined;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS,
      peakMb: Number(peak) / 1024,
    };
  } catch {
    return undefined;
  }
}
