// How much memory tables take that pg-capture meets once and never again: bounded, however many they are.

import { ok, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

/** If every encoder were kept, 140 tables of 1,500 columns would take 190 MB. */
const GROWTH_MB_MAX = 45;
const PEAK_MB_MAX = 128;

Deno.test("a wide table that is created and dropped again and again takes no more memory than the bound", async () => {
  const times = 150;
  await using bed = await createTestBed();
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  const columns = Array.from({ length: 1500 }, (_, index) => `column_${index} int2`).join(", ");
  let afterFirst = 0;
  for (let time = 1; time <= times; time++) {
    await bed.sql.exec(`CREATE TABLE wide (id int PRIMARY KEY, ${columns});
      INSERT INTO wide VALUES (${time}); DROP TABLE wide`);
    if (time === 10) {
      strictEqual((await read(bed, time)).length, time);
      afterFirst = peakMb(capture.pid);
    }
  }
  const records = await read(bed, times);
  strictEqual(new Set(records.map(({ key }) => key)).size, times);
  const peak = peakMb(capture.pid);
  ok(peak - afterFirst < GROWTH_MB_MAX, `${afterFirst} MB after 10 of them, ${peak} MB after ${times}`);
  ok(peak < PEAK_MB_MAX, `${peak} MB`);
});

Deno.test("many tables whose rows alternate are delivered whole, in bounded memory", async () => {
  const count = 300;
  await using bed = await createTestBed();
  const ids = Array.from({ length: count }, (_, index) => index);
  const columns = "id int PRIMARY KEY, a text, b int, c timestamptz, d numeric";
  await execEach(bed, ids.map((id) => `CREATE TABLE t${id} (${columns})`));
  const env = { ...bed.env, KAFKA_TOPIC_PARTITIONS: "1" };
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  for (let round = 0; round < 2; round++) {
    await execEach(bed, ids.map((id) => `INSERT INTO t${id} VALUES (${round}, 'a', 1, now(), 1.5)`));
  }
  const records = await read(bed, 2 * count);
  strictEqual(new Set(records.map(({ topic, key }) => `${topic} ${key}`)).size, 2 * count);
  const peak = peakMb(capture.pid);
  ok(peak < PEAK_MB_MAX, `${peak} MB`);
});

/** Many statements a transaction, but no more tables than the server has room for their locks. */
async function execEach(bed: TestBed, statements: readonly string[]): Promise<void> {
  for (let at = 0; at < statements.length; at += 200) {
    await bed.sql.exec(statements.slice(at, at + 200).join(";"));
  }
}

function read(bed: TestBed, untilCount: number) {
  return readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount });
}

function peakMb(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
