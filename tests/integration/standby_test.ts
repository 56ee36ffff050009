// Two replicas, as Kubernetes runs them: both are alive, one is ready, and replaced in turn nothing is lost or repeated.

import { notStrictEqual, ok, strictEqual } from "node:assert";
import { freePort } from "../../dev/ports.ts";
import { delay } from "../../dev/server_process.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

const TAKEOVER_MS_MAX = 10_000;

Deno.test("a waiting replica is alive and not ready; it takes over when the other one is replaced", async () => {
  await using bed = await createTestBed();
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

interface Replica extends AsyncDisposable {
  readonly process: CaptureProcess;
  readonly env: Readonly<Record<string, string>>;
  status(path: string): Promise<number>;
  untilReady(): Promise<void>;
}

/** With a port and a folder of its own, as in a pod. */
async function startReplica(bed: TestBed): Promise<Replica> {
  const port = freePort();
  const env = {
    ...bed.env,
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
