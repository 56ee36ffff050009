// Processes: two instances at once, frozen and killed ones, and how one ends when it is asked to.

import { deepStrictEqual, ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import {
  assertExactlyOnce,
  createFaultBed,
  type FaultBed,
  startStreaming,
  waitForCommits,
} from "../support/fault_bed.ts";
import { KafkaApi } from "../support/proxy.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

for (const held of ["EndTxn", "Produce"] as const) {
  const test = held === "EndTxn" ? quickTest : slowTest;
  test(
    `a frozen instance that wakes after its successor took over changes nothing, its ${held} held`,
    async () => {
      await using bed = await createFaultBed();
      await freeSlotsSoon(bed);
      await using first = await startStreaming(bed);
      await using writers = new Writers(bed.postgres, 2, 51).start();
      const late = bed.toKafka.intercept({ api: KafkaApi[held], side: "request", nth: 3, action: "hold" });
      await late.caught;
      first.freeze();
      await using second = await startSecond(bed);
      await second.waitForLog("Waiting for the slot");
      await second.waitForLog("Streaming", { timeoutMs: 20_000 });
      await delay(500);
      late.release();
      await delay(300);
      first.thaw();
      await first.waitForLog("Waiting for the slot", { timeoutMs: 40_000 });
      await delay(300);
      await writers.stop();
      await assertExactlyOnce(bed, second);
      ok(!second.log.some((line) => line.includes("retry_in_ms")), second.log.slice(-10).join("\n"));
    },
  );
}

slowTest(
  "instances that are killed and frozen by turns hand the slot on, and change comes once",
  async () => {
    await using bed = await createFaultBed();
    await freeSlotsSoon(bed);
    await using stack = new AsyncDisposableStack();
    await using writers = new Writers(bed.postgres, 2, 52);
    let current = stack.use(await startStreaming(bed));
    writers.start();
    for (const end of ["freeze", "kill", "freeze"] as const) {
      await waitForCommits(bed, current);
      const next = stack.use(
        await startCapture({ env: { ...bed.env, REPLICATION_CHECKPOINT_FILE: "next" } }),
      );
      await next.waitForLog("Waiting for the slot");
      await current[end]();
      await next.waitForLog("Streaming", { timeoutMs: 20_000 });
      if (end === "freeze") await current.kill();
      current = next;
    }
    await waitForCommits(bed, current);
    await assertExactlyOnce(bed, current, writers);
  },
);

quickTest("a first instance that lives is not disturbed by a second one that waits", async () => {
  await using bed = await createFaultBed();
  await using first = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 53).start();
  await using second = await startSecond(bed);
  await second.waitForLog("Waiting for the slot");
  await delay(2_000);
  ok(!first.log.some((line) => line.includes("retry_in_ms")), first.log.slice(-10).join("\n"));
  deepStrictEqual(await second.terminate(), { code: 0, signal: null });
  await assertExactlyOnce(bed, first, writers);
});

for (const end of ["kill", "freeze"] as const) {
  quickTest(`a second instance that waits streams within 10 s of the first one's end (${end})`, async () => {
    await using bed = await createFaultBed();
    await using first = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 2, 55).start();
    await using second = await startSecond(bed);
    await second.waitForLog("Waiting for the slot");
    await waitForCommits(bed, first);
    await first[end]();
    await second.waitForLog("Streaming", { timeoutMs: 10_000 });
    await assertExactlyOnce(bed, second, writers);
  });
}

quickTest(
  "asked to stop in the middle of a large transaction, it ends within 10 s, and goes on there",
  async () => {
    await using bed = await createFaultBed();
    {
      await using capture = await startStreaming(bed);
      await bed.sql.exec(
        "INSERT INTO entry (account, note) SELECT g, repeat('x', 100) FROM generate_series(1, 60000) g",
      );
      await waitForCommits(bed, capture, 3);
      await assertEndsInTime(capture);
    }
    await using capture = await startStreaming(bed);
    await assertExactlyOnce(bed, capture);
  },
);

for (const fault of ["blackHole", "refuse"] as const) {
  const test = fault === "blackHole" ? quickTest : slowTest;
  test(`asked to stop while Kafka is away (${fault}), it ends within 10 s, and nothing is lost`, async () => {
    await using bed = await createFaultBed();
    await using writers = new Writers(bed.postgres, 2, 54);
    {
      await using capture = await startStreaming(bed);
      writers.start();
      await waitForCommits(bed, capture);
      await bed.toKafka[fault]();
      if (fault === "refuse") bed.toKafka.reset();
      await delay(1_500);
      await assertEndsInTime(capture);
    }
    bed.toKafka.heal();
    bed.toKafka.reset();
    await bed.toKafka.accept();
    await using capture = await startStreaming(bed);
    await assertExactlyOnce(bed, capture, writers);
  });
}

quickTest(
  "asked to stop while PostgreSQL is away, silent or slow to answer, it ends within 10 s",
  async () => {
    for (const fault of ["refuse", "stall"] as const) {
      await using bed = await createFaultBed();
      {
        await using capture = await startStreaming(bed);
        await bed.sql.exec(`INSERT INTO account VALUES (1, '${fault}', 0)`);
        await waitForCommits(bed, capture, 1);
        await bed.toPostgres[fault]();
        if (fault === "refuse") bed.toPostgres.reset();
        await delay(1_000);
        await assertEndsInTime(capture);
      }
      bed.toPostgres.heal();
      bed.toPostgres.reset();
      await bed.toPostgres.accept();
      await using capture = await startStreaming(bed);
      await assertExactlyOnce(bed, capture);
    }
  },
);

quickTest("asked to stop before it has reached anything, it ends at once", async () => {
  await using bed = await createFaultBed();
  await bed.toPostgres.refuse();
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("connection refused");
  await assertEndsInTime(capture);
  await bed.toPostgres.accept();
  await bed.toKafka.refuse();
  await using second = await startCapture({ env: bed.env });
  await second.waitForLog(/Kafka.*refused/);
  await assertEndsInTime(second);
});

slowTest("a process with little memory lives through a large transaction", async () => {
  await using bed = await createFaultBed();
  await using capture = await startStreaming(bed);
  await bed.sql.exec(
    "INSERT INTO entry (account, note) SELECT g, repeat('x', 900) FROM generate_series(1, 300000) g",
  );
  await waitForCommits(bed, capture, 20);
  await assertExactlyOnce(bed, capture, undefined, 240_000);
  const status = await Deno.readTextFile(`/proc/${capture.pid}/status`);
  const peakMb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  ok(peakMb < 160, `${peakMb} MB`);
});

const STOP_MS_MAX = 10_000;

async function assertEndsInTime(capture: CaptureProcess): Promise<void> {
  deepStrictEqual(await capture.terminate(STOP_MS_MAX), { code: 0, signal: null });
}

async function startSecond(bed: FaultBed): Promise<CaptureProcess> {
  return await startCapture({
    // Past the proxies: what is done to the first one's requests is not done to it.
    env: {
      ...bed.env,
      KAFKA_BROKERS: bed.brokers,
      PG_PORT: String(bed.postgres.port),
      REPLICATION_CHECKPOINT_FILE: `${bed.folder}/second`,
    },
  });
}

/** PostgreSQL lets go of a slot whose client is silent for 3 s. */
async function freeSlotsSoon(bed: FaultBed): Promise<void> {
  await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET wal_sender_timeout = '3s'`);
}
