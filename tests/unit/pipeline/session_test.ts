// One session against fakes of its ports: the orders that delivery rests on, step by step.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import type { CaptureSettings } from "../../../src/pipeline/capture_parts.ts";
import { runSession } from "../../../src/pipeline/session.ts";
import { SessionMemory } from "../../../src/pipeline/session_memory.ts";
import { FAKE_SETTINGS, FakeWorld } from "../../support/fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";

const IDENTITY = { systemIdentifier: "7300", database: "shop", slot: "orders" };
const TABLE = relation(1, "public", "t", "d", [{ name: "id", type: 23, key: true }]);

interface Running extends AsyncDisposable {
  readonly ended: Promise<void>;
  stop(): void;
}

function run(world: FakeWorld, settings: Partial<CaptureSettings> = {}, kafkaAccepted = false): Running {
  const stop = new AbortController();
  const kill = new AbortController();
  const ended = runSession({
    parts: world.parts(),
    settings: { ...FAKE_SETTINGS, ...settings },
    memory: new SessionMemory(1e6, () => 0, kafkaAccepted),
    stop: stop.signal,
    kill: kill.signal,
  });
  ended.catch(() => {});
  return {
    ended,
    stop: () => stop.abort(),
    async [Symbol.asyncDispose]() {
      kill.abort();
      await ended.catch(() => {});
    },
  };
}

function transaction(commitLsn: bigint, endLsn: bigint, ...ids: readonly number[]) {
  return [
    begin(commitLsn, 0, 1),
    TABLE,
    ...ids.map((id) => insert(1, [String(id)])),
    commit(commitLsn, endLsn),
  ];
}

function idsOf(world: FakeWorld): number[] {
  return world.delivered.map((value) => JSON.parse(value).after.id);
}

Deno.test("the slot is held before the transactional id is taken", async () => {
  const world = new FakeWorld();
  await using _running = run(world);
  await world.until("open sink");
  ok(world.events.indexOf("start replication") < world.events.indexOf("open sink"));
});

Deno.test("while another instance holds the slot, Kafka's settings are tried once, and nobody is fenced", async () => {
  const world = new FakeWorld();
  world.slotHolder = 4711;
  world.publishedTables = [{ schema: "public", table: "t", hasReplicaIdentity: true }];
  await using _running = run(world);
  await world.clock.pass(50);
  deepStrictEqual(world.events, ["probe sink public.t"]);
  world.slotHolder = null;
  await world.until("open sink");
});

Deno.test("an instance that has delivered before waits for the slot alone, so that it holds it while Kafka is away", async () => {
  const world = new FakeWorld();
  world.slotHolder = 4711;
  world.probeError = new CaptureError("kafka-unavailable", "connection refused");
  await using _running = run(world, {}, true);
  await world.clock.pass(50);
  world.slotHolder = null;
  await world.until("start replication");
  strictEqual(world.events.includes("probe sink"), false);
});

Deno.test("an instance that Kafka would refuse ends before it waits for the slot", async () => {
  const world = new FakeWorld();
  world.slotHolder = 4711;
  world.probeError = new CaptureError("kafka-refused", "not allowed");
  const running = run(world);
  await rejects(world.clock.run(running.ended), /not allowed/);
  deepStrictEqual(world.events, ["probe sink", "close source"]);
});

Deno.test("an instance that cannot reach Kafka tries again, beside the one that holds the slot", async () => {
  const world = new FakeWorld();
  world.slotHolder = 4711;
  world.probeError = new CaptureError("kafka-unavailable", "connection refused");
  await using _running = run(world);
  await world.until("probe sink", 2);
  world.probeError = undefined;
  world.slotHolder = null;
  await world.until("open sink");
});

Deno.test("an instance that finds the slot free opens Kafka at once", async () => {
  const world = new FakeWorld();
  await using _running = run(world);
  await world.until("open sink");
  strictEqual(world.events.some((event) => event.startsWith("probe")), false, world.events.join(", "));
});

Deno.test("a missing slot is created after Kafka was read, and held before a transactional id is taken", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  await using _running = run(world);
  await world.until("open sink");
  deepStrictEqual(world.events.slice(0, 3), ["probe sink", "create slot", "start replication"]);
});

Deno.test("a slot that another instance creates while Kafka is asked is waited for, whatever that one delivered", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  // It was quicker from the start: its first record is in the answer.
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 0n, seq: 0, commitTimeMs: 0, endLsn: 100n },
  };
  world.onProbe = () => {
    world.slotExists = true;
    world.slotHolder = 4711;
    world.onProbe = undefined;
  };
  await using _running = run(world);
  await world.clock.pass(50);
  deepStrictEqual(world.events, ["probe sink", "probe sink"]);
  world.slotHolder = null;
  await world.until("open sink");
});

Deno.test("a slot that another instance creates at the same moment is waited for", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  world.onCreateSlot = () => {
    world.slotExists = true;
    world.slotHolder = 4711;
  };
  await using _running = run(world);
  await world.clock.pass(50);
  strictEqual(world.events.includes("create slot"), false);
  strictEqual(world.events.includes("start replication"), false, world.events.join(", "));
  world.slotHolder = null;
  await world.until("open sink");
});

Deno.test("what another instance delivered from a slot that was created here is gone on from", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  world.onCreateSlot = () => {
    world.progress = {
      identity: IDENTITY,
      timeline: 1,
      publication: "shop",
      position: { commitLsn: 150n, seq: 1, commitTimeMs: 0, endLsn: 160n },
    };
  };
  world.send(...transaction(150n, 160n, 1), ...transaction(200n, 210n, 2));
  await using _running = run(world);
  await world.until("confirm 0/D2");
  deepStrictEqual(idsOf(world), [2]);
});

Deno.test("a standby that does not have the slot yet is waited for, and no slot is created on it", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  world.isStandby = true;
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 150n, seq: 1, commitTimeMs: 0, endLsn: 160n },
  };
  const running = run(world);
  await rejects(
    running.ended,
    (error) => error instanceof CaptureError && error.kind === "postgres-unavailable",
  );
  strictEqual(world.events.includes("create slot"), false);
});

Deno.test("a slot that is missing although a position is known is refused, and none is made", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 150n, seq: 1, commitTimeMs: 0, endLsn: 160n },
  };
  const running = run(world);
  await rejects(
    world.clock.run(running.ended),
    (error) => error instanceof CaptureError && error.kind === "slot-unusable",
  );
  strictEqual(world.events.includes("create slot"), false);
});

Deno.test("a first progress record is committed before the first change is", async () => {
  const world = new FakeWorld();
  world.slotExists = false;
  world.send(...transaction(200n, 210n, 1));
  await using _running = run(world);
  await world.until(/^write 1/);
  deepStrictEqual(world.events.filter((event) => event.startsWith("write")), [
    "write 0 up to 0/0#0 end 0/64",
    "write 1 up to 0/C8#1 end 0/D2",
  ]);
});

Deno.test("a change is written to Kafka, then saved, then confirmed, and exactly up to the transaction's end", async () => {
  const world = new FakeWorld();
  world.send(...transaction(200n, 210n, 1));
  await using _running = run(world);
  await world.until("confirm 0/D2");
  const order = ["write 1 up to 0/C8#1 end 0/D2", "save 0/D2", "confirm 0/D2"].map((event) =>
    world.events.indexOf(event)
  );
  ok(order.every((at) => at >= 0) && order[0]! < order[1]! && order[1]! < order[2]!, world.events.join(", "));
  strictEqual(
    world.events.some((event) => /^confirm 0\/(?!0$|64$|D2$)/.test(event)),
    false,
    world.events.join(", "),
  );
});

Deno.test("what is being written is neither saved nor confirmed", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  const gate = Promise.withResolvers<void>();
  world.writeGate = gate.promise;
  world.send(...transaction(200n, 210n, 1), { keepalive: 300n, replyRequested: true });
  await using _running = run(world);
  await world.until(/^confirm/, 2);
  strictEqual(world.events.some((event) => /0\/(D2|12C)/.test(event)), false, world.events.join(", "));
  gate.resolve();
  await world.until("confirm 0/12C");
});

Deno.test("while a later change is being written, checkpoints hold only what is committed", async () => {
  const world = new FakeWorld();
  world.send(...transaction(200n, 210n, 1));
  await using _running = run(world);
  await world.until("save 0/D2");
  world.writeGate = new Promise(() => {});
  world.send(...transaction(210n, 220n, 2));
  await world.clock.pass(300);
  strictEqual(world.events.some((event) => event.includes("0/DC")), false, world.events.join(", "));
});

Deno.test("what is being saved is not confirmed", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  await using _running = run(world);
  await world.until("save 0/64");
  const gate = Promise.withResolvers<void>();
  world.saveGate = gate.promise;
  world.send(...transaction(200n, 210n, 1), { keepalive: 210n, replyRequested: true });
  await world.until(/^write 1/);
  world.send({ keepalive: 210n, replyRequested: true });
  await world.clock.pass(700);
  strictEqual(world.events.includes("confirm 0/D2"), false, world.events.join(", "));
  gate.resolve();
  await world.until("confirm 0/D2");
});

Deno.test("a failed write ends the session with nothing saved or confirmed of it, and is not tried again", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  world.writeError = new CaptureError("kafka-unclear", "the answer did not come");
  world.send(...transaction(200n, 210n, 1));
  const running = run(world);
  await rejects(
    world.clock.run(running.ended),
    (error) => error instanceof CaptureError && error.kind === "kafka-unclear",
  );
  strictEqual(world.events.some((event) => event.includes("0/D2")), false, world.events.join(", "));
  strictEqual(world.events.filter((event) => event === "open sink").length, 1);
  ok(world.events.includes("close sink") && world.events.includes("close source"));
});

Deno.test("changes up to the delivered position are dropped, the next one is not", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 200n, seq: 2, commitTimeMs: 0, endLsn: 150n },
  };
  world.send(
    ...transaction(150n, 160n, 1),
    ...transaction(200n, 210n, 2, 3, 4),
    ...transaction(210n, 220n, 5),
  );
  await using _running = run(world);
  await world.until("confirm 0/DC");
  deepStrictEqual(idsOf(world), [4, 5]);
});

Deno.test("until the last delivered transaction has come again, nothing is confirmed", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 200n, seq: 1, commitTimeMs: 5_000, endLsn: 210n },
  };
  await using _running = run(world);
  await world.until("save 0/D2");
  world.send({ keepalive: 150n, replyRequested: true });
  await world.until(/^confirm/, 2);
  strictEqual(world.events.includes("confirm 0/D2"), false, world.events.join(", "));
  world.send(begin(200n, 5_000, 1), TABLE, insert(1, ["1"]), commit(200n, 210n));
  world.send({ keepalive: 210n, replyRequested: true });
  await world.until("confirm 0/D2");
});

Deno.test("of a transaction that is not whole yet, what was delivered is known and nothing is confirmed", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  world.send(begin(200n, 0, 1), TABLE, insert(1, ["1"]), { keepalive: 900n, replyRequested: true });
  await using _running = run(world);
  await world.until("write 1 up to 0/C8#1 end 0/64");
  await world.until(/^confirm/, 2);
  strictEqual(world.events.some((event) => event.includes("0/384")), false, world.events.join(", "));
});

Deno.test("an idle position moves by keepalives: progress record first, then saved, then confirmed", async () => {
  const world = new FakeWorld();
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 90n, seq: 1, commitTimeMs: 0, endLsn: 100n },
  };
  world.send({ keepalive: 900n, replyRequested: true });
  await using _running = run(world);
  await world.until("confirm 0/384");
  const order = ["write 0 up to 0/5A#1 end 0/384", "save 0/384", "confirm 0/384"].map((event) =>
    world.events.indexOf(event)
  );
  ok(order.every((at) => at >= 0) && order[0]! < order[1]! && order[1]! < order[2]!, world.events.join(", "));
});

const SOON_MS = 2_000;
const SELDOM_IDLE = { limits: { ...FAKE_SETTINGS.limits, idleProgressMs: 60_000 } };

Deno.test("a position that PostgreSQL asks for is delivered and confirmed soon: it may be shutting down", async () => {
  const world = new FakeWorld();
  await using _running = run(world, SELDOM_IDLE);
  await world.until(/^confirm/);
  world.send({ keepalive: 900n, replyRequested: true });
  await world.until("confirm 0/384", 1, SOON_MS);
});

Deno.test("a transaction's end that comes after its changes were sent is confirmed soon", async () => {
  const world = new FakeWorld();
  await using _running = run(world, SELDOM_IDLE);
  world.send(begin(200n, 0, 1), TABLE, insert(1, ["1"]));
  await world.until(/^write 1/);
  world.send(commit(200n, 210n));
  await world.until("confirm 0/D2", 1, SOON_MS);
});

Deno.test("status updates come at least twice in the server's timeout", async () => {
  const world = new FakeWorld();
  world.walSenderTimeoutMs = 100;
  await using _running = run(world);
  await world.until(/^confirm/, 6);
});

Deno.test("a checkpoint that can't be kept stops at-least-once delivery, and exactly-once goes on", async () => {
  const unavailable = new CaptureError("checkpoint-unavailable", "the disk is full");
  for (const delivery of ["exactly-once", "at-least-once"] as const) {
    const world = new FakeWorld();
    await using running = run(world, { delivery });
    await world.until(/^save/);
    world.saveError = unavailable;
    world.send(...transaction(200n, 210n, 1));
    if (delivery === "exactly-once") await world.until("confirm 0/D2");
    else await rejects(world.clock.run(running.ended), /the disk is full/);
    strictEqual(world.events.includes("confirm 0/D2"), delivery === "exactly-once");
  }
});

Deno.test("asked to stop, it delivers, saves and confirms what was read", async () => {
  const world = new FakeWorld();
  const running = run(world, { limits: { ...FAKE_SETTINGS.limits, lingerMs: 60_000, enoughBytes: 1e9 } });
  await world.until(/^confirm/);
  world.send(...transaction(200n, 210n, 1, 2));
  await world.clock.pass(20);
  running.stop();
  await world.clock.run(running.ended);
  deepStrictEqual(idsOf(world), [1, 2]);
  strictEqual(
    world.events.includes("save 0/D2") && world.events.includes("finish 0/D2"),
    true,
    world.events.join(", "),
  );
});

Deno.test("asked to stop right after a save, it saves and confirms what was delivered since", async () => {
  const world = new FakeWorld();
  const running = run(world);
  world.send(...transaction(200n, 210n, 1));
  await world.until("save 0/D2");
  world.send(...transaction(210n, 220n, 2));
  await world.clock.pass(1);
  running.stop();
  await world.clock.run(running.ended);
  deepStrictEqual(world.events.filter((event) => /^(save|finish)/.test(event)).slice(-2), [
    "save 0/DC",
    "finish 0/DC",
  ]);
});

Deno.test("a stream that ends takes the session with it", async () => {
  const world = new FakeWorld();
  const running = run(world);
  world.send({ error: new CaptureError("postgres-unavailable", "gone") });
  await rejects(world.clock.run(running.ended), /gone/);
  ok(world.events.includes("close sink"));
});

Deno.test("a position that the server's WAL has not reached is refused, and the slot stays as it is", async () => {
  const world = new FakeWorld();
  world.walEnd = 150n;
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 200n, seq: 1, commitTimeMs: 0, endLsn: 210n },
  };
  const running = run(world);
  await rejects(
    running.ended,
    (error) => error instanceof CaptureError && error.kind === "position-conflict",
  );
  deepStrictEqual(world.events.filter((event) => /^(write|save|confirm 0\/[^0])/.test(event)), []);
});

Deno.test("another timeline is asked for its history, and written into the progress before streaming", async () => {
  const world = new FakeWorld();
  world.timeline = 2;
  world.timelineHistory = [{ timeline: 1, endLsn: 205n }];
  world.progress = {
    identity: IDENTITY,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 190n, seq: 1, commitTimeMs: 0, endLsn: 200n },
  };
  await using running = run(world);
  await world.until("write 0 up to 0/BE#1 end 0/C8");
  strictEqual(world.progress.timeline, 2);
  running.stop();
  await world.clock.run(running.ended);
});

Deno.test("in a backlog several batches are written together, and nothing is saved or confirmed before", async () => {
  const world = new FakeWorld();
  // Two records fill a batch: the buffer's other half is in flight.
  const limits = { ...FAKE_SETTINGS.limits, lingerMs: 200, bufferRecordsMax: 4 };
  await using _running = run(world, { limits });
  await world.until("open sink");
  const ids = Array.from({ length: 20 }, (_, index) => index + 1);
  world.send(...transaction(200n, 210n, ...ids));
  await world.until("confirm 0/D2");
  deepStrictEqual(idsOf(world), ids);
  const from = world.events.findIndex((event) => event.startsWith("send"));
  const until = world.events.findIndex((event) => event.startsWith("write") && event.endsWith("end 0/D2"));
  ok(from >= 0 && until > from, world.events.join(", "));
  const between = world.events.slice(from, until);
  ok(between.filter((event) => event.startsWith("send")).length > 1, between.join(", "));
  deepStrictEqual(between.filter((event) => /^(save|confirm)/.test(event)), []);
});

Deno.test("what was sent but not written when a session ends is delivered once by the next", async () => {
  const world = new FakeWorld();
  const limits = { ...FAKE_SETTINGS.limits, lingerMs: 200, bufferRecordsMax: 4 };
  const ids = Array.from({ length: 20 }, (_, index) => index + 1);
  {
    await using first = run(world, { limits });
    await world.until("open sink");
    world.writeError = new CaptureError("kafka-unclear", "lost");
    world.send(...transaction(200n, 210n, ...ids));
    await rejects(world.clock.run(first.ended));
    ok(world.events.some((event) => event.startsWith("send")));
    deepStrictEqual(idsOf(world), []);
  }
  world.writeError = undefined;
  await using _second = run(world, { limits });
  await world.until("open sink", 2);
  world.send(...transaction(200n, 210n, ...ids));
  await world.until("confirm 0/D2");
  deepStrictEqual(idsOf(world), ids);
});

Deno.test("what is sent and not written yet is no part of a checkpoint", async () => {
  const world = new FakeWorld();
  const limits = { ...FAKE_SETTINGS.limits, lingerMs: 50, bufferRecordsMax: 4 };
  await using _running = run(world, { limits });
  world.send(...transaction(200n, 210n, 1));
  await world.until("save 0/D2");
  world.writeGate = new Promise(() => {});
  world.send(...transaction(210n, 220n, 2, 3, 4, 5, 6, 7, 8, 9));
  await world.until(/^send/);
  await world.clock.pass(300);
  strictEqual(world.events.filter((event) => event === "save 0/D2").length, 1, world.events.join(", "));
});
