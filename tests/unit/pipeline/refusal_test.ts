// A change that cannot be sent: the transactions before it are delivered, and it ends the capture or becomes
// a pointer.

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import type { CaptureParts, CaptureSettings } from "../../../src/pipeline/capture_parts.ts";
import { supervise } from "../../../src/pipeline/supervisor.ts";
import { FAKE_SETTINGS, FakeWorld } from "../../support/fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }];
const GOOD = relation(1, "a", "b_c", "d", COLUMNS);
const BAD = relation(2, "a_b", "c", "d", COLUMNS);
/** Nothing is sent because of the time, but only because a refusal flushes it. */
const PATIENT = { ...FAKE_SETTINGS.limits, lingerMs: 60_000 };

const FIRST = [
  begin(200n, 0, 1),
  GOOD,
  BAD,
  insert(1, ["1"]),
  insert(1, ["2"]),
  commit(200n, 210n),
];
const REFUSED = [
  begin(220n, 0, 2),
  GOOD,
  BAD,
  insert(1, ["3"]),
  insert(2, ["4"]),
  insert(1, ["5"]),
  commit(220n, 230n),
];

Deno.test("transactions before a refused change are delivered whole, of its own transaction nothing", async () => {
  const world = refusingWorld();
  world.wal.push(...FIRST, ...REFUSED);
  const ended = run(world, { limits: PATIENT });
  await rejects(world.clock.run(ended), (error) => {
    ok(error instanceof CaptureError && error.kind === "topic-conflict");
    strictEqual(
      error.message,
      `Cannot send table "a_b"."c" to topic "a_b.c": Kafka can't tell it from another`,
    );
    match(error.fix ?? "", /match = \['a_b\.c'\] and topic = 'a_b\.c-2'.*KAFKA_OVERSIZE=dead-letter/);
    return true;
  });
  deepStrictEqual(idsOf(world), [1, 2]);
  deepStrictEqual(world.progress?.position, { commitLsn: 200n, seq: 2, commitTimeMs: 0, endLsn: 210n });
  deepStrictEqual(world.events.slice(-5), [
    "write 2 up to 0/C8#2 end 0/D2",
    "save 0/D2",
    "finish 0/D2",
    "close sink",
    "close source",
  ]);
  strictEqual(
    world.events.filter((event) => event === "open sink").length,
    2,
    "the second session is the last",
  );
});

Deno.test("where the refused change is its transaction's first, one session is enough", async () => {
  const world = refusingWorld();
  world.wal.push(...FIRST, begin(220n, 0, 2), insert(2, ["3"]), insert(1, ["4"]), commit(220n, 230n));
  await rejects(world.clock.run(run(world, { limits: PATIENT })), /can't tell it/);
  deepStrictEqual(idsOf(world), [1, 2]);
  strictEqual(world.events.filter((event) => event === "open sink").length, 1);
});

Deno.test("tables that conflict only by now don't keep back the transactions before the refused one", async () => {
  const world = refusingWorld();
  world.wal.push(...FIRST, ...REFUSED);
  const conflict = new CaptureError("topic-conflict", "two published tables");
  const topicConflicts = () => world.events.includes("route a_b.c") ? [conflict] : [];
  const ended = run(world, { limits: PATIENT }, undefined, { topicConflicts });
  await rejects(world.clock.run(ended), /can't tell it/);
  deepStrictEqual(idsOf(world), [1, 2]);
});

Deno.test("started again after a refusal, it delivers each change once", async () => {
  const world = refusingWorld();
  world.wal.push(...REFUSED);
  for (let start = 0; start < 3; start++) {
    await rejects(world.clock.run(run(world, { limits: PATIENT })), /can't tell it/);
    deepStrictEqual(idsOf(world), []);
  }
  world.refusedTopics.clear();
  const stop = new AbortController();
  const ended = run(world, {}, stop.signal);
  await world.until(/end 0\/E6/);
  stop.abort();
  await world.clock.run(ended);
  deepStrictEqual(idsOf(world), [3, 4, 5]);
});

Deno.test("what a full batch took before the refused change is delivered, and goes on behind it", async () => {
  const world = refusingWorld();
  world.wal.push(...FIRST, ...REFUSED);
  // A batch is full with one record: the buffer's other half is in flight.
  const limits = { ...PATIENT, bufferRecordsMax: 2, lingerMs: 0 };
  await rejects(world.clock.run(run(world, { limits })), /can't tell it/);
  ok(["1,2", "1,2,3"].includes(idsOf(world).join(",")), idsOf(world).join(","));
  world.refusedTopics.clear();
  const stop = new AbortController();
  const ended = run(world, {}, stop.signal);
  await world.until(/end 0\/E6/);
  stop.abort();
  await world.clock.run(ended);
  deepStrictEqual(idsOf(world), [1, 2, 3, 4, 5]);
});

Deno.test("a delivery that fails before a refusal is tried again, and the refusal is what it ends with", async () => {
  const world = refusingWorld();
  world.wal.push(...FIRST, ...REFUSED);
  world.progress = {
    identity: { systemIdentifier: "7300", database: "shop", slot: "orders" },
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  world.writeError = new CaptureError("kafka-unclear", "lost");
  const ended = run(world, { limits: PATIENT });
  await world.until("close sink", 3);
  deepStrictEqual(world.events.filter((event) => event.startsWith("finish")), []);
  world.writeError = undefined;
  await rejects(world.clock.run(ended), /can't tell it/);
  deepStrictEqual(idsOf(world), [1, 2]);
});

Deno.test("with dead letters wanted, a pointer goes for each change of the refused table, others go on", async () => {
  const world = refusingWorld();
  const stop = new AbortController();
  const ended = run(world, { oversize: "dead-letter" }, stop.signal);
  await world.until("open sink");
  world.send(begin(220n, 0, 2), GOOD, BAD, insert(1, ["3"]), insert(2, ["4"]), insert(1, ["5"]));
  world.send(insert(2, ["6"]), commit(220n, 230n));
  await world.until(/end 0\/E6/);
  stop.abort();
  await world.clock.run(ended);
  const records = world.delivered.map((text) => JSON.parse(text));
  deepStrictEqual(records.map(({ table, reason, key, source }) => [table, reason, key, source.tx_seq]), [
    ["b_c", undefined, undefined, 1],
    ["c", "topic-conflict", { id: 4 }, 2],
    ["b_c", undefined, undefined, 3],
    ["c", "topic-conflict", { id: 6 }, 4],
  ]);
  ok(records[1].bytes > 100);
  // Each pointer in a batch of its own would make a transaction for each change.
  ok(world.events.includes("write 4 up to 0/DC#4 end 0/E6"), world.events.join(", "));
  strictEqual(world.events.filter((event) => event === "route a_b.c").length, 1, "Kafka is asked once");
});

Deno.test("a published table without a topic is refused at start, and only warned of with dead letters", async () => {
  const world = new FakeWorld();
  world.topicConflicts = [new CaptureError("topic-conflict", "no topic")];
  await rejects(world.clock.run(run(world)), /no topic/);
  deepStrictEqual(world.events, ["close source"]);
  const stop = new AbortController();
  const ended = run(world, { oversize: "dead-letter" }, stop.signal);
  await world.until("open sink");
  stop.abort();
  await ended.catch(() => {});
});

function refusingWorld(): FakeWorld {
  const world = new FakeWorld();
  world.refusedTopics.add("a_b.c");
  return world;
}

function run(
  world: FakeWorld,
  settings: Partial<CaptureSettings> = {},
  stop = new AbortController().signal,
  parts: Partial<CaptureParts> = {},
): Promise<void> {
  const all = { ...FAKE_SETTINGS, ...settings, stopMsMax: 5_000 };
  const ended = supervise({ ...world.parts(), ...parts }, all, () => 0, stop);
  ended.catch(() => {});
  return ended;
}

function idsOf(world: FakeWorld): unknown[] {
  return world.delivered.map((text) => JSON.parse(text).after.id);
}
