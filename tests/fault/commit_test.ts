// The commit, where exactly-once is won or lost: its request late, its reply lost, its connection cut.

import { ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import type { CaptureProcess } from "../support/capture.ts";
import {
  assertExactlyOnce,
  createFaultBed,
  type FaultBed,
  startStreaming,
  waitForCommits,
} from "../support/fault_bed.ts";
import { type Interception, KafkaApi } from "../support/proxy.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

const NAMES = new Map<number, string>(Object.entries(KafkaApi).map(([name, key]) => [key, name]));

quickTest("the reply to a commit is lost, again and again: nothing is lost or repeated", async () => {
  await using bed = await createFaultBed();
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 21).start();
  for (const nth of [1, 2, 5]) {
    const from = capture.log.length;
    const lost = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "response", nth, action: "reset" });
    await lost.caught;
    await capture.waitForLog("Streaming", { from });
  }
  await assertExactlyOnce(bed, capture, writers);
});

quickTest("a commit that is cut off before the broker has it is not taken for done", async () => {
  await using bed = await createFaultBed();
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 22).start();
  for (const nth of [1, 3]) {
    const from = capture.log.length;
    const cut = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "request", nth, action: "reset" });
    await cut.caught;
    await capture.waitForLog("Streaming", { from });
  }
  await assertExactlyOnce(bed, capture, writers);
});

quickTest("a commit held back and released into the next transaction changes nothing", async () => {
  await using bed = await createFaultBed();
  await releaseIntoNext(bed, "AddPartitionsToTxn");
  await releaseIntoNext(bed, "Produce");
  await releaseIntoNext(bed, "EndTxn");
});

slowTest(
  "with a broker before Kafka 4.0, too, a late commit does not touch the next transaction",
  async () => {
    await using bed = await createFaultBed({ kafka: { version: "3.9.1" } });
    await releaseIntoNext(bed, "AddPartitionsToTxn");
    await releaseIntoNext(bed, "Produce");
    await releaseIntoNext(bed, "EndTxn");
  },
);

slowTest(
  "a commit that nobody answers is given up within 30 s, and what became of it is looked up",
  async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 2, 24).start();
    const from = capture.log.length;
    const silent = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "response", nth: 2, action: "drop" });
    await silent.caught;
    await capture.waitForLog("retry_in_ms", { from, timeoutMs: 30_000 });
    await capture.waitForLog("Streaming", { from });
    await assertExactlyOnce(bed, capture, writers);
  },
);

slowTest(
  "a batch that takes longer than the broker's transaction timeout is aborted and comes again",
  async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 1, 25).start();
    const held = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "request", nth: 2, action: "hold" });
    await held.caught;
    // Asleep, it cannot give up by itself: the coordinator's timeout of 60 s comes first.
    capture.freeze();
    await delay(75_000);
    held.release();
    await held.answered;
    const from = capture.log.length;
    capture.thaw();
    await capture.waitForLog("Streaming", { from });
    await assertExactlyOnce(bed, capture, writers);
  },
);

for (const side of ["request", "response"] as const) {
  const test = side === "response" ? quickTest : slowTest;
  test(`a reset at the ${side} of every kind that is sent to Kafka changes nothing`, async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 1, 26).start();
    await waitForCommits(bed, capture);
    for (const api of Object.values(KafkaApi)) {
      // Made only where a topic is missing.
      if (api === KafkaApi.CreateTopics) continue;
      const cut = bed.toKafka.intercept({ api, side, action: "reset" });
      await resetUntil(bed, cut, capture);
      await waitForCommits(bed, capture, 3);
    }
    await assertExactlyOnce(bed, capture, writers);
  });
}

/** Holds a commit, cuts its client off, and lets it go while the next transaction is at its first `inside`. */
async function releaseIntoNext(
  bed: FaultBed,
  inside: "AddPartitionsToTxn" | "Produce" | "EndTxn",
): Promise<void> {
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 23).start();
  const commit = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "request", nth: 2, action: "hold" });
  await commit.caught;
  const from = capture.log.length;
  const next = bed.toKafka.intercept({ api: KafkaApi[inside], side: "request", action: "hold" });
  commit.resetClient();
  await next.caught;
  commit.release();
  await commit.answered;
  next.release();
  await capture.waitForLog("Streaming", { from });
  await assertExactlyOnce(bed, capture, writers);
  ok(capture.running);
  await capture.terminate();
}

/** What is sent only at the start is sent again after a reset, unless that comes between two requests. */
async function resetUntil(bed: FaultBed, cut: Interception, capture: CaptureProcess): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    bed.toKafka.reset();
    if (await Promise.race([cut.caught.then(() => true), delay(1_000)])) return;
  }
  throw new Error(`no ${NAMES.get(cut.choice.api)} came\n${capture.log.slice(-15).join("\n")}`);
}
