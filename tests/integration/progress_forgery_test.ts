// What somebody who may write to the progress topic can't do: move pg-capture elsewhere, or make it grow.

import { match, ok, strictEqual } from "node:assert";
import { gzipSync } from "node:zlib";
import kafkajs from "kafkajs";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const RESIDENT_BYTES_MAX = 128e6;

Deno.test("a forged record outside of a transaction is refused by its offset, and teardown --progress cures", async () => {
  await using bed = await createTestBed();
  await captureSome(bed);
  const [genuine] = (await progressRecords(bed)).slice(-1);
  const forged = { ...JSON.parse(genuine!.value!), end_lsn: "FFFF/0", commit_lsn: "FFFF/0" };
  const offset = await produce(bed, { key: genuine!.key, value: JSON.stringify(forged) });

  const refused = await run(bed, ["run"]);
  strictEqual(refused.code, 3);
  match(
    refused.line,
    new RegExp(`topic "${bed.topicPrefix}\\.pg-capture\\.progress", partition 0, offset ${offset}\\)`),
  );
  match(refused.line, /outside of a transaction.* fix: find out who may write .*teardown --progress --yes/);
  strictEqual((await run(bed, ["status"])).code, 3);

  strictEqual((await run(bed, ["teardown", "--progress", "--yes"])).code, 0);
  await using again = await startCapture({ env: bed.env });
  match(await again.waitForLog("Streaming"), /from="new slot"/);
});

Deno.test("a forged record is harmless once pg-capture has written its own after it", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO item VALUES (1)");
  await waitUntilConfirmed(bed, capture);
  const [genuine] = (await progressRecords(bed)).slice(-1);
  await produce(bed, {
    key: genuine!.key,
    value: genuine!.value!.replace(/"end_lsn":"[^"]+"/, '"end_lsn":"FFFF/0"'),
  });
  await bed.sql.exec("INSERT INTO item VALUES (2)");
  await waitUntilConfirmed(bed, capture);
  strictEqual((await capture.terminate()).code, 0);
  await using again = await startCapture({ env: bed.env });
  match(await again.waitForLog("Streaming"), /from=progress/);
});

Deno.test("a record of 240 MB behind gzip is refused by its offset, within 128 MB; teardown --progress cures", async () => {
  await using bed = await createTestBed();
  await captureSome(bed);
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const original = CompressionCodecs[CompressionTypes.GZIP];
  // kafkajs would hold the 240 MB several times.
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: () => Promise.resolve(gzipSync(bombRecords(240_000_000))),
    decompress: () => Promise.reject(new Error("not read here")),
  });
  let offset: string;
  try {
    offset = await produce(bed, { key: "x", value: "x" }, CompressionTypes.GZIP);
  } finally {
    CompressionCodecs[CompressionTypes.GZIP] = original;
  }
  const refused = await run(bed, ["run"]);
  strictEqual(refused.code, 3, refused.line);
  match(refused.line, new RegExp(`partition 0, offset ${offset}\\): .*more than 1048576 bytes`));
  ok(refused.peakBytes < RESIDENT_BYTES_MAX, `${refused.peakBytes} bytes`);
  strictEqual((await run(bed, ["teardown", "--progress", "--yes"])).code, 0);
  await using again = await startCapture({ env: bed.env });
  await again.waitForLog("Streaming");
});

Deno.test("from exactly-once to at-least-once and back: neither writes a record that the other refuses", async () => {
  await using bed = await createTestBed();
  await captureSome(bed);
  for (
    const [index, KAFKA_DELIVERY] of ["at-least-once", "exactly-once", "at-least-once", "exactly-once"]
      .entries()
  ) {
    await using capture = await startCapture({ env: { ...bed.env, KAFKA_DELIVERY } });
    await capture.waitForLog("Streaming");
    await bed.sql.exec(`INSERT INTO item VALUES (${100 + index})`);
    await waitUntilConfirmed(bed, capture);
    strictEqual((await capture.terminate()).code, 0);
  }
});

async function captureSome(bed: TestBed): Promise<void> {
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO item SELECT generate_series(1, 10)");
  await waitUntilConfirmed(bed, capture);
  strictEqual((await capture.terminate()).code, 0);
}

async function progressRecords(bed: TestBed) {
  return await readTopics({ brokers: bed.brokers, topics: [progressTopicOf(bed)], untilCount: 1 });
}

/** @returns the record's offset */
async function produce(
  bed: TestBed,
  message: { readonly key: string | null; readonly value: string },
  compression = kafkajs.CompressionTypes.None,
): Promise<string> {
  const producer = kafkaClient(bed.brokers).producer();
  await producer.connect();
  try {
    const [result] = await producer.send({ topic: progressTopicOf(bed), messages: [message], compression });
    return result!.baseOffset!;
  } finally {
    await producer.disconnect();
  }
}

/** One record whose value has so many zeros, as a batch holds it. */
function bombRecords(valueBytes: number): Uint8Array {
  const head = [0, 0, 0, ...varint(1), 120, ...varint(valueBytes)];
  const size = varint(head.length + valueBytes + 1);
  const bytes = new Uint8Array(size.length + head.length + valueBytes + 1);
  bytes.set([...size, ...head]);
  return bytes;
}

/** Zigzag, as records have it. */
function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128);
  return [...bytes, rest];
}

async function run(bed: TestBed, args: readonly string[]) {
  let peakBytes = 0;
  await using capture: CaptureProcess = await startCapture({ env: bed.env, args });
  const watch = setInterval(() => peakBytes = Math.max(peakBytes, peakOf(capture.pid)), 5);
  const { code } = await capture.waitForExit();
  clearInterval(watch);
  return { code, line: capture.log.at(-1) ?? "", peakBytes };
}

function peakOf(pid: number): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function progressTopicOf(bed: TestBed): string {
  return `${bed.topicPrefix}.pg-capture.progress`;
}
