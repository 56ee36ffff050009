// Two replicas, as Kubernetes runs them: both are alive, one is ready, and replaced in turn nothing is lost or repeated.

import { notStrictEqual, ok, strictEqual } from "node:assert";
import { freePort } from "../../dev/servers/ports.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

const TAKEOVER_MS_MAX = 10_000;

Deno.test("a waiting replica is alive and not ready; it takes over when the other one is replaced", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  await using first = await startReplica(bed);
  await first.process.waitForLog("Streaming");
  await using second = await startReplica(bed);
  await second.process.waitForLog("Waiting for the slot");
  await using writers = new Writers(bed.postgres, 2, 41).start();

  strictEqual(await second.status("/healthz"), 200);
  strictEqual(await second.status("/readyz"), 503);
  strictEqual(await first.status("/readyz"), 200);
  const health = await startCapture({ env: second.env, args: ["status", "--health"] });
  strictEqual((await health.waitForExit()).code, 0);

  strictEqual((await first.process.terminate()).code, 0);
  await second.untilReady();
  await using third = await startReplica(bed);
  await third.process.waitForLog("Waiting for the slot");
  await second.process.kill();
  await third.untilReady();

  await delay(300);
  await writers.stop();
  await waitUntilConfirmed(bed, third.process);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

Deno.test("a replica whose Kafka settings are wrong ends before it waits; one that can't reach Kafka tries again", async () => {
  await using bed = await createTestBed();
  await createWriterTables(bed.sql);
  await using first = await startReplica(bed);
  await first.process.waitForLog("Streaming");
  const cases: readonly [Readonly<Record<string, string>>, number, RegExp][] = [
    [
      {
        KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
        KAFKA_SASL_MECHANISM: "PLAIN",
        KAFKA_SASL_USERNAME: "a",
        KAFKA_SASL_PASSWORD: "b",
      },
      3,
      /its listener does not accept logins/,
    ],
    [{ KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_SSL_CA: `${bed.folder}/none.pem` }, 2, /KAFKA_SSL_CA/],
    [
      { KAFKA_TOPIC_PREFIX: `${bed.topicPrefix}-other`, KAFKA_TOPIC_REPLICATION_FACTOR: "9" },
      3,
      /INVALID_REPLICATION_FACTOR/,
    ],
  ];
  for (const [env, code, line] of cases) {
    await using wrong = await startCapture({
      env: { ...bed.env, ...env, REPLICATION_CHECKPOINT_FILE: `${bed.folder}/wrong` },
    });
    strictEqual((await wrong.waitForExit()).code, code, wrong.log.join("\n"));
    ok(line.test(wrong.log.at(-1) ?? ""), wrong.log.join("\n"));
    strictEqual(wrong.log.some((each) => each.includes("Waiting for the slot")), false);
  }
  await using away = await startReplica(bed, { KAFKA_BROKERS: `127.0.0.1:${freePort()}` });
  await away.process.waitForLog(/connection refused.*retry_in_ms/);
  strictEqual(away.process.running, true);
  strictEqual(await first.status("/readyz"), 200);
  strictEqual(
    first.process.log.some((each) => each.includes("retry_in_ms")),
    false,
    "the one that delivers was disturbed",
  );
});

Deno.test("a replica that lost the slot reports no lag of its own", async () => {
  await using bed = await createTestBed();
  await createWriterTables(bed.sql);
  await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET wal_sender_timeout = '2s'`);
  await using first = await startReplica(bed);
  await first.process.waitForLog("Streaming");
  await using writers = new Writers(bed.postgres, 1, 42).start();
  await delay(2_500);
  await using second = await startReplica(bed);
  await second.process.waitForLog("Waiting for the slot");
  first.process.freeze();
  await second.process.waitForLog("Streaming", { timeoutMs: 20_000 });
  first.process.thaw();
  await first.process.waitForLog("Waiting for the slot", { timeoutMs: 20_000 });
  await delay(500);
  await writers.stop();
  const metrics = await first.text("/metrics");
  for (const gone of ["lag_bytes", "lag_seconds", "slot_retained_wal_bytes", "slot_wal_status"]) {
    strictEqual(new RegExp(`^pg_capture_${gone}\\b`, "m").test(metrics), false, gone);
  }
  ok(/^pg_capture_part_state\{part="kafka",state="waiting"\} 1$/m.test(metrics), metrics);
  const status = JSON.parse(await first.text("/status.json"));
  strictEqual(status.lag.bytes, null);
  strictEqual(status.lag.seconds, null);
  ok(/^pg_capture_lag_seconds /m.test(await second.text("/metrics")));
});

interface Replica extends AsyncDisposable {
  readonly process: CaptureProcess;
  readonly env: Readonly<Record<string, string>>;
  status(path: string): Promise<number>;
  text(path: string): Promise<string>;
  untilReady(): Promise<void>;
}

/** With a port and a folder of its own, as in a pod. */
async function startReplica(
  bed: TestBed,
  more: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const port = freePort();
  const env = {
    ...bed.env,
    ...more,
    METRICS_PORT: String(port),
    REPLICATION_CHECKPOINT_FILE: `${bed.folder}/${port}/checkpoint.kv`,
  };
  const process = await startCapture({ env });
  await process.waitForLog("Serving the status page");
  const status = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  return {
    process,
    env,
    status,
    text: async (path) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
    async untilReady() {
      const deadline = Date.now() + TAKEOVER_MS_MAX;
      while (await status("/readyz") !== 200) {
        ok(Date.now() < deadline, process.log.slice(-5).join("\n"));
        await delay(50);
      }
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
