// Topics of odd tables on real servers: escaped, refused where Kafka can't tell them apart, resolved by a rule.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

Deno.test("names that looked alike have topics of their own, and a rename in mid-stream goes on", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE SCHEMA "public.x";
    CREATE TABLE "foo bar" (id int PRIMARY KEY);
    CREATE TABLE "foo-bar" (id int PRIMARY KEY);
    CREATE TABLE "таблица" (id int PRIMARY KEY);
    CREATE TABLE "ведомос" (id int PRIMARY KEY);
    CREATE TABLE "public.x".y (id int PRIMARY KEY);
    CREATE TABLE "x.y" (id int PRIMARY KEY)`);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`
    INSERT INTO "foo bar" VALUES (1);
    INSERT INTO "foo-bar" VALUES (2);
    INSERT INTO "таблица" VALUES (3);
    INSERT INTO "ведомос" VALUES (4);
    INSERT INTO "public.x".y VALUES (5);
    INSERT INTO "x.y" VALUES (6);
    ALTER TABLE "foo bar" RENAME TO foo_bar;
    INSERT INTO foo_bar VALUES (7);
    DROP TABLE foo_bar;
    CREATE TABLE "foo bar" (id int PRIMARY KEY);
    INSERT INTO "foo bar" VALUES (8)`);
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await idsByTopic(bed), {
    "public.foo-20bar": [1, 8],
    "public.foo-2Dbar": [2],
    "public.-D1-82-D0-B0-D0-B1-D0-BB-D0-B8-D1-86-D0-B0": [3],
    "public.-D0-B2-D0-B5-D0-B4-D0-BE-D0-BC-D0-BE-D1-81": [4],
    "public-2Ex.y": [5],
    "public.x-2Ey": [6],
    "public.foo_bar": [7],
  });
  strictEqual((await capture.terminate()).code, 0);
});

Deno.test("a topic that Kafka can't tell from another table's: refused after the transactions before, resolved by a rule", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`CREATE TABLE b_c (id int PRIMARY KEY); CREATE SCHEMA public_b`);
  {
    // Nothing is sent because of the time: whole transactions in the buffer are delivered because of the refusal.
    await using capture = await startCapture({ env: { ...bed.env, KAFKA_LINGER_MS: "30000" } });
    await capture.waitForLog("Streaming");
    await bed.sql.exec("INSERT INTO b_c VALUES (1), (2)");
    await bed.sql.exec("CREATE TABLE public_b.c (id int PRIMARY KEY)");
    await bed.sql.exec(`
      BEGIN;
      INSERT INTO b_c VALUES (3);
      INSERT INTO public_b.c VALUES (4);
      INSERT INTO b_c VALUES (5);
      COMMIT`);
    await refused(
      capture,
      bed,
      /topic .*\.public_b\.c.*can't tell it from topic .*\.public\.b_c.*, which exists/,
    );
    deepStrictEqual(await idsByTopic(bed), { "public.b_c": [1, 2] });
  }
  {
    // Both are published now: it is refused before anything is sent, and check says so.
    await using capture = await startCapture({ env: bed.env });
    await refused(capture, bed, /Kafka can't tell it from topic .*\.public\.b_c.* of table .*public.*b_c/);
    const found = await check(bed, 3);
    match(
      found,
      /FAILURE +Topics: names: Cannot send table "public_b"."c" to topic ".*": Kafka can't tell it/,
    );
  }
  // It stays in the WAL under its old name, which the rule is for.
  await bed.sql.exec("DROP TABLE public_b.c");
  await using capture = await startCapture({
    env: bed.env,
    args: await withRule(bed, "public_b.c", `${bed.topicPrefix}.public_b.c-2`),
  });
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await idsByTopic(bed), { "public.b_c": [1, 2, 3, 5], "public_b.c-2": [4] });
  strictEqual((await capture.terminate()).code, 0);
});

Deno.test("with KAFKA_OVERSIZE=dead-letter its changes go to the dead-letter topic, before and after a restart", async () => {
  await using bed = await createTestBed();
  const env = { ...bed.env, KAFKA_OVERSIZE: "dead-letter", KAFKA_TOMBSTONES: "true" };
  await bed.sql.exec(`CREATE TABLE b_c (id int PRIMARY KEY); CREATE SCHEMA public_b`);
  {
    await using capture = await startCapture({ env });
    await capture.waitForLog("Streaming");
    await bed.sql.exec(`
      CREATE TABLE public_b.c (id int PRIMARY KEY);
      INSERT INTO public_b.c VALUES (1);
      INSERT INTO b_c VALUES (2);
      INSERT INTO public_b.c VALUES (3);
      INSERT INTO b_c VALUES (4);
      DELETE FROM b_c WHERE id = 2`);
    await capture.waitForLog("a pointer to it went to the dead-letter topic");
    await waitUntilConfirmed(bed, capture);
    strictEqual((await capture.terminate()).code, 0);
  }
  // The table that had its topic first keeps it.
  deepStrictEqual(await idsByTopic(bed), { "public_b.c": [1, 3], "dead-letter": [2, 4, 2] });
  await using capture = await startCapture({ env });
  await capture.waitForLog(/Kafka can't tell it from.*its changes go to the dead-letter topic/);
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO b_c VALUES (5); INSERT INTO public_b.c VALUES (6)");
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await idsByTopic(bed), { "public_b.c": [1, 3, 6], "dead-letter": [2, 4, 2, 5] });
  const records = await readTopics({ brokers: bed.brokers, topics: [`${bed.topicPrefix}.dead-letter`] });
  const { schema, table, op, key, reason } = JSON.parse(
    records.find((record) => record.key === '{"id":4}')?.value ?? "{}",
  );
  deepStrictEqual([schema, table, op, key, reason], ["public", "b_c", "INSERT", { id: 4 }, "topic-conflict"]);
  strictEqual((await capture.terminate()).code, 0);
  match(await check(bed, 0, env), /warning +Topics: names: .*its changes go to the dead-letter topic/);
});

Deno.test("a topic of somebody else's that Kafka can't tell from ours is named, with the ways out", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE t (id int PRIMARY KEY)");
  const admin = kafkaClient(bed.brokers).admin();
  await admin.connect();
  const other = `${bed.topicPrefix}_public_t`;
  try {
    await admin.createTopics({ topics: [{ topic: other, numPartitions: 1 }] });
    const words =
      `topic .*${bed.topicPrefix}\\.public\\.t.*can't tell it from topic .*${other}.*, which exists`;
    match(
      await check(bed, 3),
      new RegExp(`FAILURE +Topics: names: Cannot send table "public"."t" to ${words}`),
    );
    await using capture = await startCapture({ env: bed.env });
    await capture.waitForLog("Streaming");
    await bed.sql.exec("INSERT INTO t VALUES (1)");
    const line = await refused(capture, bed, new RegExp(words));
    match(line, new RegExp(`--delete --topic ${other}.*another topic prefix`));
    await using resolved = await startCapture({
      env: bed.env,
      args: await withRule(bed, "public.*", `${bed.topicPrefix}.{database}.{table}`),
    });
    await waitUntilConfirmed(bed, resolved);
    deepStrictEqual(await idsByTopic(bed), { [`${bed.postgres.database}.t`]: [1] });
    strictEqual((await resolved.terminate()).code, 0);
  } finally {
    await admin.deleteTopics({ topics: [other] });
    await admin.disconnect();
  }
});

Deno.test("a name that is too long stops its table alone, and a rule shortens it", async () => {
  await using bed = await createTestBed();
  const [schema, table] = ["я".repeat(31), "ю".repeat(31)];
  await bed.sql.exec(`CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA "${schema}"`);
  await using capture = await startCapture({ env: { ...bed.env, KAFKA_LINGER_MS: "30000" } });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO t VALUES (1)");
  await bed.sql.exec(`
    CREATE TABLE "${schema}"."${table}" (id int PRIMARY KEY);
    INSERT INTO "${schema}"."${table}" VALUES (2)`);
  await refused(capture, bed, /its name has 3\d\d characters, Kafka takes 249/);
  deepStrictEqual(await idsByTopic(bed), { "public.t": [1] });
  await using resolved = await startCapture({
    env: bed.env,
    args: await withRule(bed, `${schema}.*`, `{prefix}.short.{table}`),
  });
  await waitUntilConfirmed(bed, resolved);
  deepStrictEqual(await idsByTopic(bed), { "public.t": [1], [`short.${"-D1-8E".repeat(31)}`]: [2] });
});

/** Waits for exit code 3. @returns the last line */
async function refused(capture: CaptureProcess, bed: TestBed, line: RegExp): Promise<string> {
  const { code } = await capture.waitForExit();
  const last = capture.log.at(-1) ?? "";
  strictEqual(code, 3, capture.log.join("\n"));
  match(last, line);
  match(last, /fix: .*\[\[tables\]\].*match = .*topic = .*KAFKA_OVERSIZE=dead-letter/);
  const isActive = await bed.sql.value("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [
    bed.slot,
  ]);
  ok(isActive !== "t" && isActive !== "true");
  return last;
}

async function check(bed: TestBed, code: number, env: Readonly<Record<string, string>> = bed.env) {
  await using command = await startCapture({ env, args: ["check"] });
  strictEqual((await command.waitForExit()).code, code, command.stdout);
  return command.stdout;
}

/** @returns the arguments that run with it */
async function withRule(bed: TestBed, pattern: string, topic: string): Promise<string[]> {
  const file = `${bed.folder}/rules.toml`;
  await Deno.writeTextFile(file, `[[tables]]\nmatch = ['${pattern}']\ntopic = '${topic}'\n`);
  return ["run", "-c", file];
}

async function idsByTopic(bed: TestBed): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {};
  for (const { topic, key, value } of await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix })) {
    if (value === null) continue;
    (found[topic.slice(bed.topicPrefix.length + 1)] ??= []).push(JSON.parse(key!).id);
  }
  return found;
}
