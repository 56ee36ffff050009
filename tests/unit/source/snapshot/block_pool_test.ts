// Buffers of rows.

import { notStrictEqual, ok, strictEqual } from "node:assert";
import { BlockPool, GrowingBlock } from "../../../../src/source/snapshot/block_pool.ts";

Deno.test("a buffer that was given back is used again, and given back once", () => {
  const pool = new BlockPool();
  const block = new GrowingBlock(pool);
  const { bytes } = block;
  block.release();
  block.release();
  strictEqual(pool.acquire(), bytes);
  notStrictEqual(pool.acquire(), bytes);
});

Deno.test("few rows do not keep a whole buffer, and stay as they are", () => {
  const pool = new BlockPool();
  const block = new GrowingBlock(pool);
  const { bytes } = block;
  bytes.set([1, 2, 3]);
  block.received(3);
  block.takeRow(0, 3);
  block.shrink();
  strictEqual(block.bytes.length, 3);
  strictEqual(pool.acquire(), bytes);
  bytes.fill(9);
  strictEqual(block.bytes.join(), "1,2,3");
});

Deno.test("the buffer grows only when what came has filled it", () => {
  const block = new GrowingBlock(new BlockPool());
  const before = block.bytes.length;
  block.received(block.room.length - 1);
  block.makeRoom();
  strictEqual(block.bytes.length, before);
  block.received(1);
  block.makeRoom();
  strictEqual(block.bytes.length, 2 * before);
  ok(block.room.length > 0);
});
