// The look at the server beside the stream: who notices that it is away.

import { rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { ServerWatch, watchRoutes } from "../../../src/pipeline/watching.ts";
import { FakeWorld } from "../../support/fake_ports.ts";

async function watch(
  isStreamRead: boolean,
  kind: "postgres-unavailable" | "postgres-not-ready" = "postgres-unavailable",
): Promise<void> {
  const world = new FakeWorld();
  const parts = world.parts();
  const session = await parts.source.connect(AbortSignal.timeout(1_000));
  const away = () => Promise.reject(new CaptureError(kind, "no answer within 20 s"));
  const looking = new ServerWatch({ ...session, readWal: away }, parts);
  await looking.run(() => isStreamRead, AbortSignal.timeout(900));
  strictEqual(looking.answeredAt, -Infinity);
}

Deno.test("while the stream is read, a look that fails is left to it", async () => {
  await watch(true);
});

Deno.test("while Kafka is away nobody reads the stream: then a look that fails ends the session", async () => {
  await rejects(watch(false), /no answer within 20 s/);
});

Deno.test("a server that takes no connections shuts down: the stream is not to hold it up", async () => {
  await rejects(watch(true, "postgres-not-ready"), /no answer within 20 s/);
});

Deno.test("it knows when the server answered last", async () => {
  const world = new FakeWorld();
  const parts = world.parts();
  const looking = new ServerWatch(await parts.source.connect(AbortSignal.timeout(1_000)), parts);
  const before = performance.now();
  await looking.run(() => false, AbortSignal.timeout(50));
  strictEqual(looking.answeredAt >= before, true);
});

Deno.test("intake is told of added partitions, and a look that fails is tried again", async () => {
  const stop = new AbortController();
  const answers: (boolean | Error)[] = [false, new CaptureError("kafka-unavailable", "away"), true];
  let told = 0;
  const sink = {
    refreshRoutes: () => {
      const answer = answers.shift();
      if (answer === undefined) stop.abort();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? false);
    },
  };
  await watchRoutes(sink, { partitionsAdded: () => told++ }, stop.signal, 1);
  strictEqual(told, 1);
});

Deno.test("a bug in looking for partitions is not hidden", async () => {
  const sink = { refreshRoutes: () => Promise.reject(new TypeError("a bug")) };
  await rejects(watchRoutes(sink, { partitionsAdded: () => {} }, AbortSignal.timeout(5_000), 1), TypeError);
});
