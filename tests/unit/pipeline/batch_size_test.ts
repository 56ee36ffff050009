// How large a delivery may be, on links of different speed.

import { strictEqual } from "node:assert";
import { BatchSize } from "../../../src/pipeline/batch_size.ts";

Deno.test("it halves when a delivery is not answered, down to a size that any link carries", () => {
  const size = new BatchSize(1024 * 1024);
  size.notAnswered();
  strictEqual(size.bytes, 512 * 1024);
  for (let i = 0; i < 20; i++) size.notAnswered();
  strictEqual(size.bytes, 16 * 1024);
});

Deno.test("it grows again after deliveries that were answered, up to where it began", () => {
  const size = new BatchSize(100_000);
  size.notAnswered();
  for (let i = 0; i < 19; i++) size.delivered();
  strictEqual(size.bytes, 50_000);
  size.delivered();
  strictEqual(size.bytes, 100_000);
  for (let i = 0; i < 100; i++) size.delivered();
  strictEqual(size.bytes, 100_000);
});
