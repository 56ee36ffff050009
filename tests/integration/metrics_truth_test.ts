// The metrics against the truth as others see it: a consumer's clock, PostgreSQL's own views, the kernel.

import { ok, strictEqual } from "node:assert";
import { startKafka } from "../../dev/servers/kafka.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { watchTopic } from "../support/latency.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { histogramQuantile, sample, type Scrape, scrape } from "../support/scrape.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const LATENCY = "pg_capture_delivery_latency_seconds";

Deno.test("latency and rates are those that a consumer sees, memory and CPU those of the kernel", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE tick (id bigserial PRIMARY KEY, n int)");
  const port = freePort();
  await using capture = await startCapture({ env: { ...bed.env, METRICS_PORT: String(port) } });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO tick (n) VALUES (0)");
  await waitUntilConfirmed(bed, capture);
  await using watcher = await watchTopic(bed.brokers, `${bed.topicPrefix}.public.tick`);

  await eventually(async () => {
    const before = { seen: watcher.latenciesMs.length, metrics: await scrape(port), atMs: performance.now() };
    for (let round = 0; round < 300; round++) {
      await bed.sql.exec("INSERT INTO tick (n) VALUES (1)");
      if (round % 3 === 0) await bed.sql.exec("UPDATE tick SET n = 2 WHERE id = 1");
      await delay(5);
    }
    await waitUntilConfirmed(bed, capture);
    await delay(300);
    const after = { metrics: await scrape(port), atMs: performance.now() };

    const seen = watcher.latenciesMs.slice(before.seen).toSorted((a, b) => a - b);
    const count = difference(before.metrics, after.metrics, `${LATENCY}_count`);
    strictEqual(seen.length, 400);
    strictEqual(count, 400);
    const seenMean = seen.reduce((sum, each) => sum + each, 0) / seen.length;
    near(
      "mean latency, ms",
      1000 * difference(before.metrics, after.metrics, `${LATENCY}_sum`) / count,
      seenMean,
    );
    near(
      "median latency, ms",
      1000 * histogramQuantile(before.metrics, after.metrics, LATENCY, 0.5),
      seen[200]!,
    );

    const seconds = (after.atMs - before.atMs) / 1000;
    for (const [operation, records] of [["insert", 300], ["update", 100]] as const) {
      const name = `pg_capture_records_total{schema="public",table="tick",operation="${operation}"}`;
      strictEqual((after.metrics.get(name) ?? 0) - (before.metrics.get(name) ?? 0), records);
    }
    near(
      "records a second",
      difference(before.metrics, after.metrics, "pg_capture_delivered_records_total") / seconds,
      400 / seconds,
    );
  });

  const metrics = await scrape(port);
  const status = await Deno.readTextFile(`/proc/${capture.pid}/status`);
  const residentBytes = 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  near("resident bytes", sample(metrics, "process_resident_memory_bytes"), residentBytes);
  const fields = (await Deno.readTextFile(`/proc/${capture.pid}/stat`)).split(") ")[1]!.split(" ");
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / 100;
  near("CPU seconds", sample(metrics, "process_cpu_seconds_total"), cpuSeconds);
});

Deno.test("with Kafka away the lag in bytes and seconds and the retained WAL are those of PostgreSQL", async () => {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
  await using _servers = new AsyncDisposableStack();
  _servers.use(kafka);
  _servers.use(postgres);
  await using bed = await createTestBed({ servers: { postgres, brokers: kafka.bootstrap } });
  await bed.sql.exec("CREATE TABLE tick (id bigserial PRIMARY KEY, n int)");
  const port = freePort();
  await using capture = await startCapture({ env: { ...bed.env, METRICS_PORT: String(port) } });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO tick (n) VALUES (0)");
  await waitUntilConfirmed(bed, capture);
  await kafka.kill();
  await bed.sql.exec("INSERT INTO tick (n) SELECT i FROM generate_series(1, 20000) i");
  const committedAtMs = Date.now();
  // The server is looked at every two seconds.
  await eventually(async () => {
    const metrics = await scrape(port);
    near("lag in seconds", sample(metrics, "pg_capture_lag_seconds"), (Date.now() - committedAtMs) / 1000);
    near("lag in bytes", sample(metrics, "pg_capture_lag_bytes"), await walSince(bed, "confirmed_flush_lsn"));
    near(
      "retained WAL, bytes",
      sample(metrics, "pg_capture_slot_retained_wal_bytes"),
      await walSince(bed, "restart_lsn"),
    );
    strictEqual(sample(metrics, 'pg_capture_part_state{part="kafka",state="failed"}'), 1);
    strictEqual(sample(metrics, "pg_capture_ready"), 0);
  });

  // What was read before and comes again is counted once.
  await kafka.start();
  await waitUntilConfirmed(bed, capture);
  await delay(200);
  const metrics = await scrape(port);
  strictEqual(
    sample(metrics, 'pg_capture_records_total{schema="public",table="tick",operation="insert"}'),
    20_001,
  );
  strictEqual(sample(metrics, "pg_capture_delivered_records_total"), 20_001);
  strictEqual(sample(metrics, `${LATENCY}_count`), 20_001);
  strictEqual(sample(metrics, "pg_capture_transactions_total"), 2);
});

const TRIES_MAX = 5;

/** A machine that is busy with other things disturbs a measurement: one of a few has to be right. */
async function eventually(measure: () => Promise<void>): Promise<void> {
  for (let tries = 1;; tries++) {
    await delay(2500);
    try {
      return await measure();
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
    }
  }
}

/** Within a tenth, or what a clock of milliseconds and two looks at different moments leave open. */
function near(what: string, found: number, truth: number): void {
  const leeway = Math.max(0.1 * truth, what.endsWith("ms") ? 5 : what.startsWith("CPU") ? 0.1 : 0);
  ok(Math.abs(found - truth) <= leeway, `${what}: ${found}, where it is ${truth}`);
}

function difference(before: Scrape, after: Scrape, name: string): number {
  return sample(after, name) - sample(before, name);
}

async function walSince(bed: TestBed, column: "confirmed_flush_lsn" | "restart_lsn"): Promise<number> {
  return Number(
    await bed.sql.value(
      `SELECT pg_current_wal_flush_lsn() - ${column} FROM pg_replication_slots WHERE slot_name = $1`,
      [bed.slot],
    ),
  );
}
