// What log, metrics and status page of a real process say of a snapshot, held against the rows that are there.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { freePort } from "../../dev/servers/ports.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { sample, scrape } from "../support/scrape.ts";
import { createTestBed } from "../support/servers.ts";

const ROWS = 20_000;
const SMALL_TABLES = 12;

Deno.test("a snapshot is in log, metrics and page; its rows are neither lag nor latency, nor shown", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE TABLE users (email text PRIMARY KEY);
    INSERT INTO users SELECT 'planted-' || n FROM generate_series(1, ${ROWS}) n;
    ANALYZE users`);
  for (let n = 1; n <= SMALL_TABLES; n++) {
    await bed.sql.exec(`CREATE TABLE small_${n} (id int PRIMARY KEY); INSERT INTO small_${n} VALUES (1)`);
  }
  const port = freePort();
  const env = { ...bed.env, METRICS_PORT: String(port), SNAPSHOT_MODE: "initial", SNAPSHOT_READERS: "1" };
  await using capture = await startCapture({ env });
  const rows = ROWS + SMALL_TABLES;
  match(
    await capture.waitForLog("All snapshots have ended"),
    new RegExp(`complete=${SMALL_TABLES + 1} failed=0 stopped=0 rows=${rows}\\b`),
  );
  match(
    capture.log.find((line) => line.includes("table=public.users") && line.includes("Snapshot complete"))!,
    /snapshot=initial rows=20000 seconds=\S+ rows_per_second=[1-9]/,
  );
  await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: rows });
  await bed.sql.exec("UPDATE users SET email = email || 'x' WHERE email IN ('planted-1', 'planted-2')");
  await waitUntilConfirmed(bed, capture);

  const metrics = await scrape(port);
  strictEqual(sample(metrics, "pg_capture_snapshot_rows_total"), rows);
  strictEqual(sample(metrics, 'pg_capture_snapshot_tables{status="complete"}'), SMALL_TABLES + 1);
  strictEqual(sample(metrics, 'pg_capture_snapshot_tables{status="queued"}'), 0);
  strictEqual(sample(metrics, "pg_capture_snapshot_rows"), 0);
  strictEqual(metrics.get("pg_capture_snapshot_advanced_timestamp_seconds"), undefined);
  // A changed key is two records.
  strictEqual(sample(metrics, "pg_capture_delivery_latency_seconds_count"), 4);
  strictEqual(sample(metrics, "pg_capture_lag_seconds"), 0);

  const status = await (await fetch(`http://127.0.0.1:${port}/status.json`)).text();
  const { listed, ...all } = JSON.parse(status).snapshots;
  deepStrictEqual([all.open, all.rowsDelivered], [0, rows]);
  const users = listed.find(({ table }: { readonly table: string }) => table === "users");
  deepStrictEqual([users.status, users.rows, users.rowsExpected], ["complete", ROWS, ROWS]);
  for (const text of [status, ...capture.log]) ok(!text.includes("planted"));
});
