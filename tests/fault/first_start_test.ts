// Instances that are started together while there is no slot yet: one of them streams, the others wait, and none ends.

import { ok, strictEqual } from "node:assert";
import { type KafkaServer, startKafka } from "../../dev/servers/kafka.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, sharedServers, type TestBed } from "../support/servers.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

quickTest(
  "three instances started together create one slot; one streams, two wait, none is fenced",
  async () => {
    await using bed = await createTestBed({ secondSlot: true });
    await tryTogether(bed, 3, {}, () => Promise.resolve());
  },
);

quickTest("two instances started together create one publication and one slot", async () => {
  await using bed = await createTestBed({ publish: false });
  await tryTogether(bed, 2, { PG_TABLES: "public.*" }, () => Promise.resolve());
});

slowTest("two and three instances started together ten times over, while the broker bounces", async () => {
  await using kafka = await startKafka();
  const { postgres } = await sharedServers();
  for (let round = 0; round < 10; round++) {
    await using bed = await createTestBed({
      servers: { postgres, brokers: kafka.bootstrap },
      secondSlot: true,
    });
    await tryTogether(bed, 2 + round % 2, {}, () => bounce(kafka, 150 * round));
  }
});

async function tryTogether(
  bed: TestBed,
  count: number,
  env: Readonly<Record<string, string>>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await createWriterTables(bed.sql);
  await using stack = new AsyncDisposableStack();
  const numbers = Array.from({ length: count }, (_, index) => index);
  const instances = await Promise.all(numbers.map(async (number) =>
    stack.use(
      await startCapture({
        env: { ...bed.env, ...env, REPLICATION_CHECKPOINT_FILE: `${bed.folder}/${number}` },
      }),
    )
  ));
  await meanwhile();
  const streaming = await waitForOne(bed, instances);
  await using writers = new Writers(bed.postgres, 1, 57).start();
  await delay(1_500);
  await writers.stop();
  await waitUntilConfirmed(bed, streaming);
  ok(await assertDelivered(bed, WRITER_TABLES) > 0, "nothing was delivered");
  for (const { log, running } of instances) {
    ok(running, log.join("\n"));
    const fenced = log.filter((line) => /FENCED|INVALID_PRODUCER_EPOCH|^\S+ error /.test(line));
    strictEqual(fenced.length, 0, fenced.join("\n"));
  }
}

/** The instance that streams, once all others wait for it. */
async function waitForOne(bed: TestBed, instances: readonly CaptureProcess[]): Promise<CaptureProcess> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const [streaming, ...others] = instances.toSorted((a, b) => orderOf(a) - orderOf(b));
    const isHeld = await bed.sql.value("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [
      bed.slot,
    ]);
    if (streaming !== undefined && isStreaming(streaming) && others.every(isWaiting) && isHeld === "t") {
      return streaming;
    }
    const logs = instances.map(({ log }) => log.slice(-8).join("\n")).join("\n--\n");
    ok(instances.every(({ running }) => running), `one has ended\n${logs}`);
    ok(Date.now() < deadline, `not one that streams and others that wait\n${logs}`);
    await delay(50);
  }
}

function orderOf(instance: CaptureProcess): number {
  return isStreaming(instance) ? 0 : 1;
}

/** By the last line of its log that says so. */
function isStreaming({ log }: CaptureProcess): boolean {
  return log.findLastIndex((line) => /\bStreaming\b/.test(line)) >
    log.findLastIndex((line) => /Waiting/.test(line));
}

function isWaiting(instance: CaptureProcess): boolean {
  return !isStreaming(instance) && instance.log.some((line) => /Waiting for the slot/.test(line));
}

async function bounce(kafka: KafkaServer, afterMs: number): Promise<void> {
  await delay(afterMs);
  await kafka.kill();
  await delay(500);
  await kafka.start();
}
