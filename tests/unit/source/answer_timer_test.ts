// The timer for the other end's silence.

import { strictEqual } from "node:assert";
import { AnswerTimer } from "../../../src/source/answer_timer.ts";

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("it calls once when nothing was heard for so long, and each word begins the time anew", async () => {
  const calls: string[] = [];
  using timer = new AnswerTimer(120, (error) => calls.push(error.message));
  for (let word = 0; word < 4; word++) {
    await pass(40);
    timer.heard();
  }
  strictEqual(calls.length, 0);
  await pass(300);
  strictEqual(calls.join(), "no answer within 0.12 s");
});

Deno.test("after its end nothing sets it again", async () => {
  let calls = 0;
  const timer = new AnswerTimer(10, () => calls++);
  timer[Symbol.dispose]();
  timer.heard();
  await pass(40);
  strictEqual(calls, 0);
});
