// The limit of silence: twice as long each time, and short again once something is delivered.

import { strictEqual } from "node:assert";
import { SilenceLimit } from "../../../src/pipeline/silence.ts";

Deno.test("each silence is believed half as quickly as the one before, up to half an hour", () => {
  const limit = new SilenceLimit();
  strictEqual(limit.ms, 25_000);
  limit.exceeded();
  strictEqual(limit.ms, 50_000);
  for (let times = 0; times < 10; times++) limit.exceeded();
  strictEqual(limit.ms, 1_800_000);
});

Deno.test("after a delivery a dead link is noticed quickly again", () => {
  const limit = new SilenceLimit();
  for (let times = 0; times < 5; times++) limit.exceeded();
  limit.delivered();
  strictEqual(limit.ms, 25_000);
});
