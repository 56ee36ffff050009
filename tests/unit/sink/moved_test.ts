// Requests that get no answer because their broker is not in charge any more.

import { rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { unlessMoved } from "../../../src/sink/moved.ts";

const FOREVER = new AbortController().signal;
const SOON = { firstMs: 2, everyMs: 1 };
const unanswered = () => new Promise<string>(() => {});

Deno.test("a request is given up as unclear when another broker was elected, and not before", async () => {
  const looks = [null, null, "the leader changed"];
  const find = () => Promise.resolve(looks.shift() ?? null);
  await rejects(
    unlessMoved(unanswered(), find, FOREVER, SOON),
    (error) => error instanceof CaptureError && error.kind === "kafka-unclear",
  );
  strictEqual(looks.length, 0);
});

Deno.test("a quick answer costs no look", async () => {
  let looks = 0;
  const find = () => Promise.resolve(`${++looks}`);
  strictEqual(await unlessMoved(Promise.resolve("answer"), find, FOREVER, SOON), "answer");
  await new Promise((resolve) => setTimeout(resolve, 10));
  strictEqual(looks, 0);
});

Deno.test("while nobody knows who is in charge, the answer is waited for", async () => {
  const find = () => Promise.reject(new CaptureError("kafka-unavailable", "away"));
  const late = new Promise<string>((resolve) => setTimeout(resolve, 20, "late"));
  strictEqual(await unlessMoved(late, find, FOREVER, SOON), "late");
});

Deno.test("a request that fails is not watched any longer", async () => {
  let looks = 0;
  const find = () => Promise.resolve(++looks < 0 ? "never" : null);
  await rejects(unlessMoved(Promise.reject(new TypeError("a bug")), find, FOREVER, SOON), TypeError);
  await new Promise((resolve) => setTimeout(resolve, 10));
  strictEqual(looks, 0);
});
