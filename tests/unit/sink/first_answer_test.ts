// Asking several brokers the same thing.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { firstAnswer } from "../../../src/sink/first_answer.ts";

const FOREVER = new AbortController().signal;
const silent = () => new Promise<string>(() => {});
const away = (name: string) => () => Promise.reject(new CaptureError("kafka-unavailable", `${name} is away`));
const answer = (name: string) => () => Promise.resolve(name);

Deno.test("the first broker that answers is believed, and no other is asked", async () => {
  let others = 0;
  const other = () => Promise.resolve(`other ${++others}`);
  strictEqual(await firstAnswer([answer("a"), other], 10, FOREVER), "a");
  await new Promise((resolve) => setTimeout(resolve, 30));
  strictEqual(others, 0);
});

Deno.test("a broker that refuses is passed over at once, one that is silent after a while", async () => {
  strictEqual(await firstAnswer([away("a"), away("b"), answer("c")], 60_000, FOREVER), "c");
  const startedAt = performance.now();
  strictEqual(await firstAnswer([silent, answer("b")], 30, FOREVER), "b");
  strictEqual(performance.now() - startedAt >= 25, true);
});

Deno.test("when all are away, the error names each", async () => {
  await rejects(firstAnswer([away("a"), away("b")], 10, FOREVER), (error) => {
    deepStrictEqual(error instanceof CaptureError && [error.kind, error.message], [
      "kafka-unavailable",
      "a is away; b is away",
    ]);
    return true;
  });
});

Deno.test("a refusal that needs a person is not hidden by another broker's answer", async () => {
  const refuse = () => Promise.reject(new CaptureError("kafka-refused", "wrong password"));
  await rejects(firstAnswer([refuse, answer("b")], 10, FOREVER), /wrong password/);
});

Deno.test("an abort ends it, though nobody answers", async () => {
  const stop = new AbortController();
  const asking = firstAnswer([silent, silent], 5, stop.signal);
  stop.abort(new DOMException("stopped", "AbortError"));
  await rejects(asking, /stopped/);
});
