// The readers that are compared: each works through a backlog from its slot to its end.

import { startCapture } from "../dev/servers/capture_process.ts";
import { tempFolder } from "../dev/servers/janitor.ts";
import { kafkaClient } from "../dev/servers/kafka_client.ts";
import { delay } from "../dev/servers/server_process.ts";
import { type Backlog, LAST_TABLE, recordsIn } from "./backlog.ts";
import { MemorySampler } from "./process_usage.ts";

/** What one run of one reader came to. */
export interface Measurement {
  /** From exec to the last row's arrival, in seconds. */
  readonly seconds: number;
  /** User and system time of the reader, in seconds. */
  readonly cpuSeconds: number;
  /** VmHWM in megabytes. */
  readonly peakMb: number;
  /** Seconds since exec, megabytes resident. */
  readonly memory: readonly (readonly [number, number])[];
}

/** How pg-capture is run. */
export interface CaptureSettings {
  readonly slot: string;
  readonly topicPrefix: string;
  readonly env: Readonly<Record<string, string>>;
  /** `dist/pg-capture`; from source when not given. */
  readonly executable: string | undefined;
}

const POLL_MS = 10;

/** Raw PostgreSQL: its own C client, which writes what comes to /dev/null. */
export async function readRaw(backlog: Backlog, slot: string): Promise<Measurement> {
  const { postgres, publication, endLsn } = backlog;
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
  const sampler = new MemorySampler(child.pid);
  const { success } = await child.status;
  const seconds = (performance.now() - startedAt) / 1000;
  const usage = await sampler.stop();
  if (!success || usage === undefined) throw new Error("pg_recvlogical failed");
  return { seconds, cpuSeconds: usage.cpuSeconds, peakMb: usage.peakMb, memory: sampler.samples };
}

/** pg-capture as its own process. @throws Error when it ends, or a row is missing */
export async function readWithCapture(backlog: Backlog, settings: CaptureSettings): Promise<Measurement> {
  const { topicPrefix, executable } = settings;
  await using arrival = await arrivalOf(backlog, topicPrefix);
  const env = await captureEnvironment(backlog, settings);
  const startedAt = performance.now();
  await using capture = await startCapture({
    env,
    ...(executable === undefined ? {} : { executable }),
  });
  const sampler = new MemorySampler(capture.pid);
  const wentOn = () => {
    if (!capture.running) throw new Error(`pg-capture ended:\n${capture.log.slice(-5).join("\n")}`);
  };
  await arrival.wait(wentOn);
  const seconds = (performance.now() - startedAt) / 1000;
  const usage = await sampler.stop();
  await capture.terminate();
  if (usage === undefined) throw new Error("pg-capture ended by itself");
  return { seconds, cpuSeconds: usage.cpuSeconds, peakMb: usage.peakMb, memory: sampler.samples };
}

/** All it is told, defaults aside. */
export async function captureEnvironment(
  backlog: Backlog,
  settings: CaptureSettings,
): Promise<Record<string, string>> {
  const { postgres, brokers, publication } = backlog;
  return {
    PG_HOST: postgres.host,
    PG_PORT: String(postgres.port),
    PG_DATABASE: postgres.database,
    PG_USERNAME: postgres.user,
    PG_PASSWORD: postgres.password,
    PG_SLOT_NAME: settings.slot,
    PG_PUBLICATION: publication,
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: settings.topicPrefix,
    REPLICATION_CHECKPOINT_FILE: `${await tempFolder("checkpoint")}/checkpoint`,
    METRICS_PORT: "0",
    ...settings.env,
  };
}

/** The arrival of all rows. */
export interface Arrival extends AsyncDisposable {
  /** Resolves when they are there. `check` is called again and again meanwhile, and may throw. */
  wait(check: () => void): Promise<void>;
}

/** Makes the last row's topic, so that it can be watched from the beginning: one topic, however many tables. */
export async function arrivalOf({ brokers, tables, rows }: Backlog, topicPrefix: string): Promise<Arrival> {
  const topic = `${topicPrefix}.public.${LAST_TABLE}`;
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  return {
    wait: async (check) => {
      for (;;) {
        check();
        const offsets = await admin.fetchTopicOffsets(topic);
        if (offsets.some(({ high }) => Number(high) > 0)) break;
        await delay(POLL_MS);
      }
      // Without transactions other topics may still have to catch up.
      const topics = tables.map((table) => `${topicPrefix}.public.${table}`);
      while (await recordsIn(admin, topics) < rows) {
        check();
        await delay(POLL_MS);
      }
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}
