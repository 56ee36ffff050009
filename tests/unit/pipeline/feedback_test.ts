// Feedback: what is confirmed when, and how long silence is borne.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { Feedback, type FeedbackParts } from "../../../src/pipeline/feedback.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type { ReplicationStream } from "../../../src/pipeline/ports.ts";
import { delay } from "../../../src/core/wait.ts";

class Bed implements AsyncDisposable {
  readonly confirmed: [Lsn, Lsn][] = [];
  readonly feedback: Feedback;
  readonly ended: Promise<void>;
  confirming: Promise<void> = Promise.resolve();
  #stop = new AbortController();

  constructor(parts: Partial<FeedbackParts> = {}) {
    const stream = {
      confirm: (received: Lsn, flushed: Lsn) => {
        this.confirmed.push([received, flushed]);
        return this.confirming;
      },
    } as unknown as ReplicationStream;
    this.feedback = new Feedback({
      stream,
      intervalMs: 60_000,
      silenceMsMax: 60_000,
      answeredAt: () => -Infinity,
      now: () => performance.now(),
      ...parts,
    });
    this.ended = this.feedback.run(this.#stop.signal);
    this.ended.catch(() => {});
  }

  stream(waitingSince: () => number | undefined, lsn: Lsn = 7n): void {
    this.feedback.setState({ received: () => 9n, confirm: () => lsn, waitingSince });
  }

  pass(ms: number): Promise<void> {
    return delay(ms, this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await rejects(this.ended);
  }
}

function kindOf(ended: Promise<void>): Promise<string> {
  return ended.then(() => "none", (error) => error instanceof CaptureError ? error.kind : String(error));
}

Deno.test("before there is a position, PostgreSQL is told that nothing may be forgotten", async () => {
  await using bed = new Bed({ intervalMs: 10 });
  await bed.pass(60);
  ok(bed.confirmed.length >= 3);
  ok(bed.confirmed.every(([received, flushed]) => received === 0n && flushed === 0n));
});

Deno.test("an answer that PostgreSQL asks for goes out at once", async () => {
  await using bed = new Bed();
  await bed.pass(10);
  bed.stream(() => undefined);
  bed.feedback.answer();
  await bed.pass(20);
  deepStrictEqual(bed.confirmed, [[0n, 0n], [9n, 7n]]);
});

Deno.test("what was saved is confirmed soon, and not for each save", async () => {
  await using bed = new Bed();
  await bed.pass(10);
  bed.stream(() => undefined);
  for (let save = 0; save < 20; save++) bed.feedback.saved();
  await bed.pass(100);
  strictEqual(bed.confirmed.length, 1);
  await bed.pass(600);
  deepStrictEqual(bed.confirmed.slice(1), [[9n, 7n]]);
});

Deno.test("silence ends it soon after its limit, not at the next status update", async () => {
  const bed = new Bed({ silenceMsMax: 50 });
  const since = performance.now();
  bed.stream(() => since);
  strictEqual(await kindOf(bed.ended), "postgres-unavailable");
  ok(performance.now() - since < 1_000);
});

Deno.test("silence ends it, too, when a status update hangs in a full socket", async () => {
  const bed = new Bed({ silenceMsMax: 50, intervalMs: 10 });
  bed.confirming = new Promise(() => {});
  const since = performance.now();
  bed.stream(() => since);
  const kind = await Promise.race([
    kindOf(bed.ended),
    delay(2_000, AbortSignal.timeout(3_000)).then(() => "hangs"),
  ]);
  strictEqual(kind, "postgres-unavailable");
});

Deno.test("a server that answers elsewhere meanwhile is busy, not away", async () => {
  const bed = new Bed({ silenceMsMax: 50, answeredAt: () => performance.now() });
  const since = performance.now();
  bed.stream(() => since);
  strictEqual(await kindOf(bed.ended), "postgres-silent");
});

Deno.test("one that reads, or has much to do with what it read, is not silent", async () => {
  await using bed = new Bed({ silenceMsMax: 100 });
  bed.stream(() => undefined);
  await bed.pass(250);
  bed.stream(() => performance.now());
  await bed.pass(250);
  strictEqual(await Promise.race([kindOf(bed.ended), bed.pass(10).then(() => "runs")]), "runs");
});
