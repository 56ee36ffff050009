// A change that can't be sent: what came before it is delivered, then it ends the session or goes as a pointer.

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { Backoff } from "../../../src/pipeline/backoff.ts";
import { BatchSize } from "../../../src/pipeline/batch_size.ts";
import type { CaptureSettings } from "../../../src/pipeline/capture_parts.ts";
import { CountedUpTo } from "../../../src/pipeline/counted.ts";
import { runSession } from "../../../src/pipeline/session.ts";
import { SilenceLimit } from "../../../src/pipeline/silence.ts";
import { FAKE_SETTINGS, FakeWorld } from "../../support/fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }];
const GOOD = relation(1, "a", "b_c", "d", COLUMNS);
const BAD = relation(2, "a_b", "c", "d", COLUMNS);
/** Nothing is sent because of the time, but only because a refusal flushes it. */
const PATIENT = { ...FAKE_SETTINGS.limits, lingerMs: 60_000 };

Deno.test("what other tables have in the buffer is delivered, saved and confirmed before a refusal", async () => {
  const world = refusingWorld();
  const ended = run(world, { limits: PATIENT });
  await world.until("open sink");
  world.send(begin(200n, 0, 1), GOOD, BAD, insert(1, ["1"]), insert(1, ["2"]), commit(200n, 210n));
  world.send(begin(220n, 0, 2), insert(1, ["3"]), insert(2, ["4"]), insert(1, ["5"]), commit(220n, 230n));
  await rejects(ended, (error) => {
    ok(error instanceof CaptureError && error.kind === "topic-conflict");
    strictEqual(
      error.message,
      `Cannot send table "a_b"."c" to topic "a_b.c": Kafka can't tell it from another`,
    );
    match(error.fix ?? "", /match = \['a_b\.c'\] and topic = 'a_b\.c-2'.*KAFKA_OVERSIZE=dead-letter/);
    return true;
  });
  deepStrictEqual(idsOf(world), [1, 2, 3]);
  // Behind 3, which is the first of its transaction, and the end of the last whole one.
  deepStrictEqual(world.progress?.position, { commitLsn: 220n, seq: 1, commitTimeMs: 0, endLsn: 210n });
  deepStrictEqual(world.events.slice(-5), [
    "write 3 up to 0/DC#1 end 0/D2",
    "save 0/D2",
    "finish 0/D2",
    "close source",
    "close sink",
  ]);
});

Deno.test("after a refusal the next session goes on at the refused change, each once", async () => {
  const world = refusingWorld();
  const changes = [
    begin(220n, 0, 2),
    GOOD,
    BAD,
    insert(1, ["3"]),
    insert(2, ["4"]),
    insert(1, ["5"]),
    commit(220n, 230n),
  ];
  for (let start = 0; start < 3; start++) {
    const ended = run(world, { limits: PATIENT });
    await world.until("open sink", start + 1);
    world.send(...changes);
    await rejects(ended, /can't tell it/);
    deepStrictEqual(idsOf(world), [3]);
  }
  world.refusedTopics.clear();
  const stop = new AbortController();
  const ended = run(world, {}, stop.signal);
  world.send(...changes);
  await world.until(/end 0\/E6/);
  stop.abort();
  await ended;
  deepStrictEqual(idsOf(world), [3, 4, 5]);
});

Deno.test("a failed delivery before a refusal is what the session ends with: it is tried again", async () => {
  const world = refusingWorld();
  const ended = run(world, { limits: PATIENT });
  await world.until("open sink");
  world.writeError = new CaptureError("kafka-unclear", "lost");
  world.send(begin(220n, 0, 2), GOOD, BAD, insert(1, ["3"]), insert(2, ["4"]));
  await rejects(ended, /lost/);
  deepStrictEqual(world.events.filter((event) => event.startsWith("finish")), []);
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
  await ended;
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
  await rejects(run(world), /no topic/);
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
): Promise<void> {
  const memory = {
    silence: new SilenceLimit(),
    batchSize: new BatchSize(1e6),
    backoff: new Backoff(() => 0),
    counted: new CountedUpTo(),
    kafkaTried: false,
  };
  const ended = runSession(
    world.parts(),
    { ...FAKE_SETTINGS, ...settings },
    memory,
    stop,
    new AbortController().signal,
  );
  ended.catch(() => {});
  return ended;
}

function idsOf(world: FakeWorld): unknown[] {
  return world.delivered.map((text) => JSON.parse(text).after.id);
}
