// Feedback: what is confirmed when, and how long silence is borne.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { Feedback, type FeedbackParts } from "../../../src/pipeline/feedback.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type { ReplicationStream } from "../../../src/pipeline/ports.ts";
import { SimulatedClock } from "../../support/simulated_clock.ts";

class Bed implements AsyncDisposable {
  readonly clock = new SimulatedClock();
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
      idleMsMax: 60_000,
      answeredAt: () => -Infinity,
      clock: this.clock,
      ...parts,
    });
    this.ended = this.feedback.run(this.#stop.signal);
    this.ended.catch(() => {});
  }

  stream(waitingSince: () => number | undefined, lsn: Lsn = 7n): void {
    this.feedback.attach({ received: () => 9n, confirm: () => lsn, waitingSince });
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await rejects(this.ended);
  }
}

/** The error's kind, or "runs". */
function kindOf({ ended, clock }: Bed): Promise<string> {
  const kind = ended.then(
    () => "ended",
    (error) => error instanceof CaptureError ? error.kind : String(error),
  );
  return Promise.race([kind, clock.settle().then(() => "runs")]);
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
  const bed = new Bed({ idleMsMax: 1_000 });
  const since = bed.clock.now();
  bed.stream(() => since);
  await bed.pass(1_000);
  strictEqual(await kindOf(bed), "runs");
  await bed.pass(500);
  strictEqual(await kindOf(bed), "postgres-unavailable");
});

Deno.test("silence ends it, too, when a status update hangs in a full socket", async () => {
  const bed = new Bed({ idleMsMax: 1_000, intervalMs: 10 });
  bed.confirming = new Promise(() => {});
  const since = bed.clock.now();
  bed.stream(() => since);
  await bed.pass(1_500);
  strictEqual(await kindOf(bed), "postgres-unavailable");
});

Deno.test("a server that answers elsewhere meanwhile is busy, not unreachable", async () => {
  let answeredAt = -Infinity;
  const bed = new Bed({ idleMsMax: 1_000, answeredAt: () => answeredAt });
  const since = bed.clock.now();
  bed.stream(() => since);
  await bed.pass(600);
  answeredAt = bed.clock.now();
  await bed.pass(900);
  strictEqual(await kindOf(bed), "postgres-silent");
});

Deno.test("one that reads, or is busy with what it read, is not silent", async () => {
  await using bed = new Bed({ idleMsMax: 1_000 });
  bed.stream(() => undefined);
  await bed.pass(2_500);
  bed.stream(() => bed.clock.now());
  await bed.pass(2_500);
  strictEqual(await kindOf(bed), "runs");
});
