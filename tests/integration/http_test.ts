// Metrics, health and status page of a real process, held against what was done to the database.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { freePort } from "../../dev/servers/ports.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed } from "../support/servers.ts";

Deno.test("metrics, readiness and the page tell what a capture does, and no secret", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY, note text)");
  const port = freePort();
  await using capture = await startCapture({ env: { ...bed.env, METRICS_PORT: String(port) } });
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  await capture.waitForLog("Serving the status page");
  strictEqual((await (await get("/healthz")).json()).status, "alive");
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO item SELECT i, 'planted-value' FROM generate_series(1, 250) i");
  await bed.sql.exec(
    "UPDATE item SET note = 'planted-value' WHERE id <= 50; DELETE FROM item WHERE id = 250",
  );
  await waitUntilConfirmed(bed, capture);

  const ready = await get("/readyz");
  strictEqual(ready.status, 200);
  deepStrictEqual(await ready.json(), {
    ready: true,
    postgres: "streaming",
    kafka: "streaming",
    checkpoint: "streaming",
  });

  const response = await get("/metrics");
  match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const metrics = await response.text();
  const value = (name: string) =>
    Number(metrics.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
  strictEqual(value('pg_capture_records_total{schema="public",table="item",operation="insert"}'), 250);
  strictEqual(value('pg_capture_records_total{schema="public",table="item",operation="update"}'), 50);
  strictEqual(value('pg_capture_records_total{schema="public",table="item",operation="delete"}'), 1);
  strictEqual(value("pg_capture_delivered_records_total"), 301);
  strictEqual(value("pg_capture_delivery_latency_seconds_count"), 301);
  ok(value("pg_capture_delivery_latency_seconds_sum") / 301 < 5);
  ok(value("process_resident_memory_bytes") > 20e6);

  const page = await (await get("/")).text();
  const status = await (await get("/status.json")).text();
  strictEqual(JSON.parse(status).tables[0].total, 301);
  for (const text of [metrics, page, status]) {
    ok(!text.includes(bed.postgres.password) || bed.postgres.password === bed.postgres.user);
    ok(!text.includes("planted-value"));
  }
  strictEqual((await get("/nothing")).status, 404);
  strictEqual((await fetch(`http://127.0.0.1:${port}/metrics`, { method: "POST" })).status, 405);
  strictEqual((await capture.terminate()).code, 0);
});

Deno.test("the retained WAL is that of pg_replication_slots", async () => {
  await using bed = await createTestBed();
  const port = freePort();
  await using capture = await startCapture({ env: { ...bed.env, METRICS_PORT: String(port) } });
  await capture.waitForLog("Streaming");
  const emit =
    "SELECT pg_logical_emit_message(false, 'elsewhere', repeat('x', 200000)) FROM generate_series(1, 10)";
  await bed.sql.exec(emit);
  const truth =
    "SELECT pg_current_wal_flush_lsn() - restart_lsn FROM pg_replication_slots WHERE slot_name = $1";
  // The server is looked at every two seconds.
  for (let tries = 0;; tries++) {
    await delay(500);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const kept = Number(/^pg_capture_slot_retained_wal_bytes (\S+)$/m.exec(metrics)?.[1]);
    const expected = Number(await bed.sql.value(truth, [bed.slot]));
    if (kept > 100_000 && Math.abs(kept - expected) <= 0.1 * expected) break;
    ok(tries < 20, `${kept} where it is ${expected}`);
  }
});

Deno.test("a port that is taken is waited for, and changes flow meanwhile", async () => {
  await using bed = await createTestBed();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  await using capture = await startCapture({ env: { ...bed.env, METRICS_PORT: String(port) } });
  match(
    await capture.waitForLog("Cannot serve metrics"),
    new RegExp(
      `Cannot serve metrics on 127.0.0.1:${port}: the port is in use.* fix: .*METRICS_PORT`,
    ),
  );
  await capture.waitForLog("Streaming");
  listener.close();
  await capture.waitForLog("Serving the status page", { timeoutMs: 10_000 });
  strictEqual((await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).length > 0, true);
});
