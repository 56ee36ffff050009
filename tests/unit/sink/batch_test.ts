// A batch takes what fits the broker's limit and its own, and sends keys to their partitions.

import { NO_HEADERS } from "../../../src/core/encoded_record.ts";
import { strict as assert } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { ArenaPool } from "../../../src/sink/arena_pool.ts";
import { PartitionedBatch } from "../../../src/sink/batch.ts";
import { partitionOf } from "../../../src/sink/murmur2.ts";
import { lengthAlone } from "../../../src/sink/record_batch.ts";

const utf8 = new TextEncoder();
const USERS = { topic: "cdc.public.users", partitions: 12 };
const LOGS = { topic: "cdc.public.logs", partitions: 1 };
const LIMITS = { maxMessageBytes: 10_000, batchBytesMax: 50_000 };

Deno.test("records with one key share a partition, the one that its hash says", () => {
  const batch = newBatch();
  for (let id = 0; id < 100; id++) {
    batch.append(USERS, record(`{"id":${id % 20}}`, "v"), 0);
  }
  assert.equal(batch.count, 100);
  assert.equal(batch.filled.reduce((sum, { count }) => sum + count, 0), 100);
  const partitions = new Set(
    Array.from(
      { length: 20 },
      (_, id) => partitionOf(utf8.encode(`{"id":${id}}`), `{"id":${id}}`.length, 12),
    ),
  );
  assert.deepEqual(new Set(batch.filled.map(({ partition }) => partition)), partitions);
});

Deno.test("a partition's record batch never passes the broker's limit", () => {
  const batch = newBatch();
  const each = record("k", "x".repeat(700));
  while (batch.fits(LOGS, each, false)) batch.append(LOGS, each, 0);
  assert.equal(batch.filled.length, 1);
  const length = batch.filled[0]?.length ?? 0;
  assert(length <= LIMITS.maxMessageBytes && length > LIMITS.maxMessageBytes - 800);
  // Another topic still has room.
  assert(batch.fits({ topic: "cdc.public.other", partitions: 1 }, each, false));
});

Deno.test("all partitions together never pass the batch's own limit", () => {
  const batch = newBatch();
  for (let id = 0;; id++) {
    const each = record(`{"id":${id}}`, "x".repeat(700));
    if (!batch.fits(USERS, each, false)) break;
    batch.append(USERS, each, 0);
  }
  assert(batch.bytes <= LIMITS.batchBytesMax && batch.bytes > LIMITS.batchBytesMax - 2 * 800);
});

Deno.test("an empty batch takes the largest record that there may be, and refuses the next larger", () => {
  const batch = newBatch();
  const largest = record(
    "k",
    "x".repeat(LIMITS.maxMessageBytes - lengthAlone(record("k", "x".repeat(9000))) + 9000),
  );
  assert.equal(lengthAlone(largest), LIMITS.maxMessageBytes);
  assert(batch.fits(LOGS, largest, false));
  batch.append(LOGS, largest, 0);
  assert.equal(batch.filled[0]?.length, LIMITS.maxMessageBytes);
  assert(!batch.fits(LOGS, record("k", ""), false));
  batch.clear();
  const tooLarge = record("k", "x".repeat(largest.valueEnd));
  assert.throws(() => batch.append(LOGS, tooLarge, 0), (error) => {
    assert(error instanceof CaptureError);
    assert.equal(error.kind, "record-too-large");
    assert.match(error.message, /cdc\.public\.logs/);
    assert.doesNotMatch(error.message, /xxx/);
    return true;
  });
  assert.equal(batch.count, 0);
});

Deno.test("a record larger than the batch's own limit goes alone", () => {
  const batch = new PartitionedBatch({ maxMessageBytes: 10_000, batchBytesMax: 500 }, new ArenaPool(1 << 20));
  const large = record("k", "x".repeat(2000));
  assert(batch.fits(LOGS, large, false));
  batch.append(LOGS, large, 0);
  assert(!batch.fits(LOGS, record("k", "v"), false));
  assert(!batch.fits(USERS, record("k", "v"), false));
});

Deno.test("clear empties the batch and gives memory back, however many partitions there were", () => {
  const pool = new ArenaPool(100_000);
  const batch = new PartitionedBatch({ maxMessageBytes: 1 << 20, batchBytesMax: 1 << 24 }, pool);
  for (let table = 0; table < 1000; table++) {
    batch.append({ topic: `cdc.public.t${table}`, partitions: 1 }, record("k", "x".repeat(3000)), 0);
  }
  assert.equal(batch.count, 1000);
  batch.clear();
  assert.deepEqual([batch.count, batch.bytes, batch.filled.length], [0, 0, 0]);
  assert(pool.keptBytes <= 100_000);
  batch.append(USERS, record("k", "v"), 0);
  assert.equal(batch.filled.length, 1);
});

function newBatch(): PartitionedBatch {
  return new PartitionedBatch(LIMITS, new ArenaPool(1 << 20));
}

function record(key: string, value: string) {
  const bytes = utf8.encode(key + value);
  return { bytes, keyEnd: key.length, valueEnd: bytes.length, headers: NO_HEADERS };
}
