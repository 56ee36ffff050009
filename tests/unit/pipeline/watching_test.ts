// The look at the server beside the stream: who notices that it is away.

import { rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { ServerWatch, watchRoutes } from "../../../src/pipeline/watching.ts";
import { FakeWorld } from "../../support/fake_ports.ts";
import { SimulatedClock } from "../../support/simulated_clock.ts";

async function watch(
  isStreamRead: boolean,
  kind: "postgres-unavailable" | "postgres-not-ready" = "postgres-unavailable",
): Promise<void> {
  const world = new FakeWorld();
  const stop = new AbortController();
  const parts = world.parts();
  const session = await parts.source.connect(stop.signal);
  const fail = () => Promise.reject(new CaptureError(kind, "no answer within 20 s"));
  const watching = new ServerWatch({ ...session, readWal: fail }, parts);
  const ended = watching.run(() => isStreamRead, stop.signal);
  ended.catch(() => {});
  await world.clock.pass(900);
  stop.abort();
  await ended;
  strictEqual(watching.answeredAt, -Infinity);
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
  const stop = new AbortController();
  const parts = world.parts();
  const watching = new ServerWatch(await parts.source.connect(stop.signal), parts);
  const startedAt = world.clock.now();
  const ended = watching.run(() => false, stop.signal);
  await world.clock.pass(2_500);
  stop.abort();
  await ended;
  strictEqual(watching.answeredAt, startedAt + 2_000);
});

Deno.test("however often it is asked to look, it polls twice a second, and the publication every four", async () => {
  const world = new FakeWorld();
  const stop = new AbortController();
  const parts = world.parts();
  const session = await parts.source.connect(stop.signal);
  let polls = 0;
  let publications = 0;
  const watching = new ServerWatch({
    ...session,
    readWal: (signal) => (polls++, session.readWal(signal)),
    managePublication: (signal) => (publications++, session.managePublication(signal)),
  }, parts);
  // As while the WAL grows: what was read is old before it arrives.
  watching.onWalEnd(() => watching.lookSoon());
  const ended = watching.run(() => false, stop.signal);
  await world.clock.pass(9_900);
  stop.abort();
  await ended;
  strictEqual(polls, 20);
  strictEqual(publications, 3);
});

Deno.test("intake is told of added partitions, and a poll that fails is repeated", async () => {
  const stop = new AbortController();
  const clock = new SimulatedClock();
  const answers: (boolean | Error)[] = [false, new CaptureError("kafka-unavailable", "unreachable"), true];
  let told = 0;
  const sink = {
    refreshRoutes: () => {
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? false);
    },
  };
  const ended = watchRoutes(sink, { partitionsAdded: () => told++ }, clock, stop.signal);
  await clock.pass(50_000);
  strictEqual(told, 0);
  await clock.pass(10_000);
  strictEqual(told, 1);
  stop.abort();
  await ended;
});

Deno.test("a bug in looking for partitions is not hidden", async () => {
  const clock = new SimulatedClock();
  const sink = { refreshRoutes: () => Promise.reject(new TypeError("a bug")) };
  const ended = watchRoutes(sink, { partitionsAdded: () => {} }, clock, new AbortController().signal);
  ended.catch(() => {});
  await clock.pass(20_000);
  await rejects(ended, TypeError);
});

Deno.test("WAL is short where less is left than the slot retains, and where the slot may be lost at once", async () => {
  const cases = [
    [{ bytesLeft: null, status: "reserved" }, false],
    [{ bytesLeft: 1_000, status: "reserved" }, false],
    [{ bytesLeft: 400, status: "extended" }, true],
    [{ bytesLeft: null, status: "unreserved" }, true],
  ] as const;
  for (const [wal, isShort] of cases) {
    const world = new FakeWorld();
    const stop = new AbortController();
    const parts = world.parts();
    const session = await parts.source.connect(stop.signal);
    const readWal = () => Promise.resolve({ end: 1_000n, keptFrom: 500n, visibility: null, ...wal });
    const watching = new ServerWatch({ ...session, readWal }, parts);
    const ended = watching.run(() => true, stop.signal);
    await world.clock.pass(100);
    stop.abort();
    await ended;
    strictEqual(watching.isWalShort, isShort, JSON.stringify(wal));
  }
});
