import { deepStrictEqual, rejects } from "node:assert/strict";
import { Turns } from "../../../src/core/turns.ts";

const FOREVER = new AbortController().signal;

Deno.test("turns are taken one at a time, in order", async () => {
  const turns = new Turns();
  const log: string[] = [];
  await Promise.all(["a", "b", "c"].map(async (name) => {
    using _turn = await turns.take(FOREVER);
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
  }));
  deepStrictEqual(log, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

Deno.test("whoever gives up waiting lets nobody pass", async () => {
  const turns = new Turns();
  const first = await turns.take(FOREVER);
  const giving = new AbortController();
  const given = turns.take(giving.signal);
  let isThird = false;
  const third = turns.take(FOREVER).then((turn) => {
    isThird = true;
    return turn;
  });
  giving.abort(new Error("no more"));
  await rejects(given, /no more/);
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepStrictEqual(isThird, false);
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
});
