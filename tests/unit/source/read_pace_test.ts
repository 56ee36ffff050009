// When the thread rests before a read, when it only waits, and when it does neither.

import { deepStrictEqual, strictEqual } from "node:assert";
import { ReadPace } from "../../../src/source/read_pace.ts";

function paceOf() {
  const clock = { now: 1000 };
  const blocked: number[] = [];
  const pace = new ReadPace(() => clock.now, (ms) => blocked.push(ms));
  return { clock, blocked, pace };
}

Deno.test("where changes trickle in, the event loop goes on while the socket is left alone", async () => {
  const { clock, blocked, pace } = paceOf();
  strictEqual(pace.rest(), undefined, "nothing was read yet");
  clock.now += 5;
  pace.didRead(30_000, false);
  const rest = pace.rest();
  strictEqual(rest instanceof Promise, true);
  await rest;
  deepStrictEqual(blocked, []);
});

Deno.test("in a backlog the thread rests, until less comes", () => {
  const { clock, blocked, pace } = paceOf();
  clock.now += 5;
  pace.didRead(50_000, false);
  strictEqual(pace.rest(), undefined);
  deepStrictEqual(blocked, [8]);
  clock.now += 9;
  pace.didRead(20_000, false);
  strictEqual(pace.rest() instanceof Promise, true);
  deepStrictEqual(blocked, [8]);
});

Deno.test("a buffer that a read has filled is read into again at once", () => {
  const { clock, blocked, pace } = paceOf();
  clock.now += 1;
  pace.didRead(1_000_000, true);
  strictEqual(pace.rest(), undefined);
  deepStrictEqual(blocked, []);
});

Deno.test("the thread can rest in this runtime", () => {
  const pace = new ReadPace();
  pace.didRead(1_000_000, false);
  const before = performance.now();
  pace.rest();
  strictEqual(performance.now() - before >= 7, true);
});
