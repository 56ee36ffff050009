// Which batches are sent without being ended at once.

import { deepStrictEqual, strictEqual } from "node:assert";
import type { FullBatch } from "../../../src/pipeline/batcher.ts";
import { CommitTimes } from "../../../src/pipeline/commit_times.ts";
import { DeliveryGroup } from "../../../src/pipeline/delivery_group.ts";
import type { Batch } from "../../../src/pipeline/ports.ts";

const MB = 1024 * 1024;

function batchOf({ bytes = MB, isFull = true, commitTimeMs = 5 } = {}): FullBatch {
  const commitTimes = new CommitTimes();
  commitTimes.add(commitTimeMs, 3);
  const batch = { count: 3, bytes } as Batch;
  return {
    batch,
    commitTimes,
    commitTimeMs,
    isFull,
    notes: undefined,
    position: { commitLsn: 1n, seq: 1, commitTimeMs: 0, endLsn: 1n },
  };
}

Deno.test("only a full batch is followed by others, up to 8 MB and the linger time", () => {
  const group = new DeliveryGroup(100);
  strictEqual(group.mayGoOn(batchOf({ isFull: false }), 0), false);
  let sent = 0;
  for (; group.mayGoOn(batchOf(), 50); sent++) group.add(batchOf(), 50);
  strictEqual(sent, 7, "the eighth ends it");
  group.clear();
  group.add(batchOf(), 50);
  strictEqual(group.joinUntil, 150);
  deepStrictEqual([group.mayGoOn(batchOf(), 149), group.mayGoOn(batchOf(), 150)], [true, false]);
});

Deno.test("without a linger time every batch is ended at once", () => {
  strictEqual(new DeliveryGroup(0).mayGoOn(batchOf(), 0), false);
});

Deno.test("a group counts what it holds, and nothing more once it is delivered", () => {
  const group = new DeliveryGroup(100);
  group.add(batchOf({ commitTimeMs: 5 }), 10);
  group.add(batchOf({ commitTimeMs: 6 }), 20);
  const times: number[][] = [];
  group.commitTimes.forEach((timeMs, records) => times.push([timeMs, records]));
  deepStrictEqual([group.records, group.bytes, group.startedAt, times], [6, 2 * MB, 10, [[5, 3], [6, 3]]]);
  group.clear();
  deepStrictEqual([group.records, group.bytes, group.joinUntil], [0, 0, undefined]);
});
