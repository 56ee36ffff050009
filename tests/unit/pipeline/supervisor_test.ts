// What the supervisor does about errors and about being told to stop.

import { rejects, strictEqual } from "node:assert";
import { CaptureError, errorPolicy } from "../../../src/core/errors.ts";
import { Backoff } from "../../../src/pipeline/backoff.ts";
import { supervise } from "../../../src/pipeline/supervisor.ts";
import { FAKE_SETTINGS, FakeWorld } from "../../support/fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";

const TRANSACTION = [
  begin(200n, 0, 1),
  relation(1, "public", "t", "d", [{ name: "id", type: 23, key: true }]),
  insert(1, ["1"]),
  commit(200n, 210n),
];

function start(world: FakeWorld, stopMsMax = 5_000, pollIntervalMs = 5) {
  const stop = new AbortController();
  const settings = { ...FAKE_SETTINGS, stopMsMax, pollIntervalMs };
  const ended = supervise(world.parts(), settings, () => 0, stop.signal);
  ended.catch(() => {});
  return { ended, stop: () => stop.abort() };
}

Deno.test("after an unclear outcome it begins again with a new stream and a new sink", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: { systemIdentifier: "7300", database: "shop", slot: "orders" },
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  world.writeError = new CaptureError("kafka-unclear", "the answer did not come");
  world.send(...TRANSACTION);
  const { ended, stop } = start(world);
  await world.until("close source");
  world.writeError = undefined;
  await world.until("open sink", 2);
  strictEqual(world.delivered.length, 0);
  world.send(...TRANSACTION);
  await world.until("confirm 0/D2");
  strictEqual(world.delivered.length, 1);
  stop();
  await world.clock.run(ended);
});

Deno.test("an error that needs a person ends it", async () => {
  const world = new FakeWorld();
  world.writeError = new CaptureError("kafka-refused", "not allowed", { hint: "allow it" });
  const { ended } = start(world);
  await rejects(
    world.clock.run(ended),
    (error) => error instanceof CaptureError && error.kind === "kafka-refused",
  );
  strictEqual(world.events.filter((event) => event === "open sink").length, 1);
});

Deno.test("a bug ends it with its own error", async () => {
  const world = new FakeWorld();
  world.writeError = new TypeError("a bug");
  await rejects(world.clock.run(start(world).ended), TypeError);
});

Deno.test("told to stop while a delivery hangs, it ends in time all the same", async () => {
  const world = new FakeWorld();
  const { ended, stop } = start(world, 100);
  await world.until(/^save/);
  const gate = Promise.withResolvers<void>();
  world.writeGate = gate.promise;
  world.send(...TRANSACTION);
  await world.clock.pass(30);
  stop();
  await world.clock.pass(100);
  strictEqual(await Promise.race([ended.then(() => "ended"), world.clock.settle()]), "ended");
  strictEqual(world.delivered.length, 0);
  gate.resolve();
});

Deno.test("told to stop while it waits for the next try, it ends at once", async () => {
  const world = new FakeWorld();
  world.writeError = new CaptureError("slot-in-use", "held");
  const { ended, stop } = start(world, 5_000, 60_000);
  await world.until("close source");
  await world.clock.pass(10);
  stop();
  strictEqual(await Promise.race([ended.then(() => "ended"), world.clock.settle()]), "ended");
});

Deno.test("told to stop before anything is reached, it just ends", async () => {
  const world = new FakeWorld();
  const { ended, stop } = start(world);
  stop();
  await world.clock.run(ended);
});

Deno.test("pauses grow, to half a second while Kafka elects a leader and to 5 s for PostgreSQL", () => {
  const longest = (kind: "kafka-unavailable" | "kafka-unclear" | "postgres-unavailable") => {
    const policy = errorPolicy(kind);
    const backoff = new Backoff(() => 0);
    return Array.from({ length: 10 }, () => policy.action === "retry" ? backoff.next(policy.pauseMsMax) : 0);
  };
  strictEqual(longest("kafka-unavailable").join(" "), "100 200 400 500 500 500 500 500 500 500");
  strictEqual(longest("kafka-unclear").at(-1), 500);
  strictEqual(longest("postgres-unavailable").join(" "), "100 200 400 800 1600 3200 5000 5000 5000 5000");
});
