// When a batch is sent, what position goes with it, and how much is held.

import { NO_HEADERS } from "../../../src/core/encoded_record.ts";
import { deepStrictEqual, strictEqual } from "node:assert";
import { setImmediate } from "node:timers";
import { Batcher, type BatchLimits, type FullBatch } from "../../../src/pipeline/batcher.ts";
import type { EncodedRecord } from "../../../src/core/encoded_record.ts";
import type { Batch, Route } from "../../../src/pipeline/ports.ts";
import { SimulatedClock } from "../../support/simulated_clock.ts";

const ROUTE: Route = { topic: "t", partitions: 1 };
const START = { commitLsn: 1n, seq: 5, commitTimeMs: 0, endLsn: 2n };
const NEVER = new AbortController().signal;

class CountingBatch implements Batch {
  count = 0;
  bytes = 0;
  readonly limit: number;
  readonly values: number[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  fits(_route: Route, record: EncodedRecord, withTombstone: boolean): boolean {
    return this.bytes + Math.max(0, record.valueEnd + (withTombstone ? record.keyEnd : 0)) <= this.limit;
  }

  append(_route: Route, record: EncodedRecord): void {
    this.count++;
    this.bytes += Math.max(0, record.valueEnd);
    this.values.push(record.valueEnd);
  }

  clear(): void {
    this.count = this.bytes = 0;
    this.values.length = 0;
  }
}

function record(size: number): EncodedRecord {
  return { bytes: new Uint8Array(size), keyEnd: -1, valueEnd: size, headers: NO_HEADERS };
}

function batcherOf(changed: Partial<BatchLimits> & { readonly batchBytes?: number } = {}) {
  const clock = new SimulatedClock();
  const { batchBytes = 100, ...limits } = {
    lingerMs: 100,
    enoughBytes: 50,
    bufferBytesMax: 10_000,
    bufferRecordsMax: 1000,
    idleProgressMs: 10_000,
    ...changed,
  };
  const batcher = new Batcher(
    limits,
    () => new CountingBatch(batchBytes),
    START,
    clock,
  );
  return { batcher, clock };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return await Promise.race([promise, new Promise((resolve) => setImmediate(() => resolve(pending)))]) ===
    pending;
}

Deno.test("a change waits for its batch to fill until the linger time is over", async () => {
  const { batcher, clock } = batcherOf({ lingerMs: 30 });
  batcher.tryAppend(ROUTE, record(10), 0, 7n, 1, false, true);
  batcher.setInputIdle(true);
  const taken = batcher.take(NEVER);
  await clock.pass(29);
  strictEqual(await isPending(taken), true);
  await clock.pass(1);
  const full = await taken;
  batcher.release(full!.batch);
  strictEqual(await isPending(batcher.take(NEVER)), true, "an empty batch is not sent");
});

Deno.test("enough bytes are sent at once when nothing more is coming, and wait while more is", async () => {
  const { batcher } = batcherOf();
  batcher.tryAppend(ROUTE, record(60), 0, 7n, 1, false, true);
  const taken = batcher.take(NEVER);
  strictEqual(await isPending(taken), true);
  batcher.setInputIdle(true);
  strictEqual((await taken)?.batch.count, 1);
});

Deno.test("a full batch is sent, and appending waits until it is taken", async () => {
  const { batcher } = batcherOf();
  strictEqual(batcher.tryAppend(ROUTE, record(90), 0, 7n, 1, false, true), true);
  strictEqual(batcher.tryAppend(ROUTE, record(90), 0, 7n, 2, false, true), false);
  const room = batcher.waitForRoom(NEVER);
  strictEqual(await isPending(room), true);
  const first = await batcher.take(NEVER);
  await room;
  strictEqual(batcher.tryAppend(ROUTE, record(90), 0, 7n, 2, false, true), true);
  deepStrictEqual([first?.batch.count, first?.position], [1, {
    commitLsn: 7n,
    seq: 1,
    commitTimeMs: 0,
    endLsn: 2n,
  }]);
});

Deno.test("a batch's position is the last change in it, and the end of the last whole transaction", async () => {
  const { batcher } = batcherOf();
  batcher.tryAppend(ROUTE, record(10), 0, 7n, 1, false, true);
  batcher.advanceEnd(9n);
  batcher.tryAppend(ROUTE, record(10), 0, 12n, 1, false, true);
  batcher.tryAppend(ROUTE, record(10), 0, 12n, 2, false, true);
  batcher.flush();
  deepStrictEqual((await batcher.take(NEVER))?.position, {
    commitLsn: 12n,
    seq: 2,
    commitTimeMs: 0,
    endLsn: 9n,
  });
});

Deno.test("the end of what is whole does not go back", async () => {
  const { batcher } = batcherOf();
  batcher.advanceEnd(40n);
  batcher.advanceEnd(30n);
  batcher.flush();
  strictEqual((await batcher.take(NEVER))?.position.endLsn, 40n);
});

Deno.test("what is held is bounded over both batches, by count and by bytes", async () => {
  const { batcher } = batcherOf({ bufferRecordsMax: 3, batchBytes: 1000 });
  batcher.tryAppend(ROUTE, record(10), 0, 7n, 1, false, true);
  batcher.tryAppend(ROUTE, record(10), 0, 7n, 2, false, true);
  batcher.flush();
  const first = (await batcher.take(NEVER))!;
  strictEqual(batcher.tryAppend(ROUTE, record(10), 0, 7n, 3, false, true), true);
  strictEqual(batcher.tryAppend(ROUTE, record(10), 0, 7n, 4, false, true), false);
  batcher.release(first.batch);
  const second = (await batcher.take(NEVER))!;
  strictEqual(second.batch.count, 1);
  strictEqual(batcher.held.records, 1);
});

Deno.test("a delete and its tombstone are never in two batches", async () => {
  const { batcher } = batcherOf();
  batcher.tryAppend(ROUTE, record(50), 0, 7n, 1, false, true);
  const remove: EncodedRecord = { bytes: new Uint8Array(40), keyEnd: 20, valueEnd: 40, headers: NO_HEADERS };
  strictEqual(
    batcher.tryAppend(ROUTE, remove, 0, 7n, 2, true, true),
    false,
    "the delete alone would have fit",
  );
  await batcher.take(NEVER);
  strictEqual(batcher.tryAppend(ROUTE, remove, 0, 7n, 2, true, true), true);
  strictEqual(batcher.held.records, 1 + 2);
});

Deno.test("a position that moves without changes is delivered alone, soon when that is asked for", async () => {
  const { batcher, clock } = batcherOf();
  batcher.advanceEnd(40n);
  const taken = batcher.take(NEVER);
  strictEqual(await isPending(taken), true);
  await clock.pass(200);
  batcher.requestProgress();
  const full = (await taken)!;
  deepStrictEqual([full.batch.count, full.position], [0, {
    commitLsn: 1n,
    seq: 5,
    commitTimeMs: 0,
    endLsn: 40n,
  }]);
  batcher.release(full.batch);
  await clock.pass(20_000);
  batcher.requestProgress();
  strictEqual(await isPending(batcher.take(NEVER)), true, "it is delivered once");
});

Deno.test("a flush sends what is there and then says that it is all", async () => {
  const { batcher } = batcherOf();
  batcher.tryAppend(ROUTE, record(10), 0, 7n, 1, false, true);
  batcher.flush();
  const full = (await batcher.take(NEVER))!;
  batcher.release(full.batch);
  strictEqual(await batcher.take(NEVER), null);
});

Deno.test("a batch that others wait for is taken when it is full, when it is late, and when no more comes", async () => {
  const { batcher, clock } = batcherOf({ lingerMs: 100 });
  batcher.tryAppend(ROUTE, record(60), 0, 7n, 1, false, true);
  const joining = batcher.take(NEVER, 1_100);
  strictEqual(await isPending(joining), true, "more may come");
  strictEqual(batcher.tryAppend(ROUTE, record(60), 0, 7n, 2, false, true), false);
  const full = (await joining)!;
  deepStrictEqual([full.isFull, full.batch.count], [true, 1]);
  batcher.release(full.batch);

  await clock.pass(100);
  const late = (await batcher.take(NEVER, 1_100))!;
  deepStrictEqual([late.isFull, late.batch.count], [false, 0], "even when it is empty");
  batcher.release(late.batch);

  batcher.setInputIdle(true);
  const waiting = batcher.take(NEVER, 9_000);
  strictEqual(await isPending(waiting), true, "a moment's rest is none");
  await clock.pass(10);
  strictEqual(await isPending(waiting), true, "nor is the rest between two reads of a backlog");
  await clock.pass(11);
  strictEqual((await waiting)?.batch.count, 0);
});

Deno.test("rows of a snapshot have no commit time: they count neither as latency nor as lag", async () => {
  const { batcher } = batcherOf();
  batcher.tryAppend(ROUTE, record(10), 0, 7n, 1, false, false);
  strictEqual(batcher.held.oldestCommitTimeMs, 0);
  batcher.tryAppend(ROUTE, record(10), 5_000, 8n, 1, false, true);
  batcher.tryAppend(ROUTE, record(10), 6_000, 9n, 1, false, true);
  batcher.tryAppend(ROUTE, record(10), 0, 10n, 1, false, false);
  strictEqual(batcher.held.oldestCommitTimeMs, 5_000);
  batcher.flush();
  const mixed = (await batcher.take(NEVER))!;
  deepStrictEqual([mixed.commitTimeMs, timesOf(mixed)], [6_000, [[5_000, 1], [6_000, 1]]]);

  batcher.tryAppend(ROUTE, record(10), 7_000, 11n, 1, false, true);
  strictEqual(batcher.held.oldestCommitTimeMs, 5_000, "the batch in flight has the oldest");
  batcher.release(mixed.batch);
  strictEqual(batcher.held.oldestCommitTimeMs, 7_000);
  batcher.release((await batcher.take(NEVER))!.batch);

  batcher.tryAppend(ROUTE, record(10), 0, 12n, 1, false, false);
  const rows = (await batcher.take(NEVER))!;
  deepStrictEqual([rows.batch.count, timesOf(rows)], [1, []]);
  batcher.tryAppend(ROUTE, record(10), 8_000, 13n, 1, false, true);
  strictEqual(batcher.held.oldestCommitTimeMs, 8_000, "the batch in flight has rows only");
});

function timesOf({ commitTimes }: FullBatch): readonly (readonly number[])[] {
  const times: number[][] = [];
  commitTimes.forEach((timeMs, records) => times.push([timeMs, records]));
  return times;
}

Deno.test("a position says of a logical message that no transaction has to come again from there", () => {
  const { batcher } = batcherOf();
  batcher.tryAppend(ROUTE, record(10), 1_000, 7n, 1, false, true);
  strictEqual(batcher.received.commitTimeMs, 1_000);
  batcher.tryAppend(ROUTE, record(10), 2_000, 12n, 5, false, false);
  strictEqual(batcher.received.commitTimeMs, 0);
});
