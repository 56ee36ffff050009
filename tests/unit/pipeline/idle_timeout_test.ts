// The limit of silence: twice as long each time, and short again once something is delivered.

import { strictEqual } from "node:assert";
import { IdleTimeout } from "../../../src/pipeline/idle_timeout.ts";

Deno.test("each silence is believed half as quickly as the one before, up to half an hour", () => {
  const limit = new IdleTimeout();
  strictEqual(limit.ms, 25_000);
  limit.exceeded();
  strictEqual(limit.ms, 50_000);
  for (let times = 0; times < 10; times++) limit.exceeded();
  strictEqual(limit.ms, 1_800_000);
});

Deno.test("after a delivery a dead link is noticed quickly again", () => {
  const limit = new IdleTimeout();
  for (let times = 0; times < 5; times++) limit.exceeded();
  limit.delivered();
  strictEqual(limit.ms, 25_000);
});
