// Tables out of the ordinary on a real server: names that collide, many columns, publications that change.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics, type TopicRecord } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { parseRawJson } from "../support/raw_json.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

Deno.test("two tables whose topics Kafka can't tell apart are refused at start, before a slot is made", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`CREATE SCHEMA a; CREATE SCHEMA a_b;
    CREATE TABLE a.b_c (id int PRIMARY KEY); CREATE TABLE a_b.c (id int PRIMARY KEY)`);
  await using capture = await startCapture({ env: bed.env });
  strictEqual((await capture.waitForExit()).code, 3);
  match(capture.log.at(-1)!, /Cannot send table .*a_b.*c.* to topic .*a\.b_c.*fix: .*\[\[tables\]\]/);
  strictEqual(
    await bed.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [bed.slot]),
    "0",
  );
});

Deno.test("a table of 1,600 columns, and columns with names that objects and SQL treat in their own way", async () => {
  await using bed = await createTestBed();
  const names = [
    "__proto__",
    "10",
    '"',
    "constructor",
    "a.b",
    "select",
    "\u00fc\u{1f600}",
    "\\",
    "\u2028",
    " ",
  ];
  const columns = Array.from({ length: 1600 }, (_, index) => names[index] ?? `c${index}`);
  const quoted = columns.map((name) => `"${name.replaceAll('"', '""')}"`);
  await bed.sql.exec(`CREATE TABLE wide (${quoted.map((name) => `${name} int2`).join(", ")});
    ALTER TABLE wide REPLICA IDENTITY FULL`);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`INSERT INTO wide VALUES (${columns.map((_, index) => index).join(", ")})`);
  await bed.sql.exec(`UPDATE wide SET c1599 = NULL`);
  const [insert, update] = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 2 });
  const expected = columns.map((name, index): [string, string] => [name, String(index)]);
  deepStrictEqual(membersOf(insert!, "after"), expected);
  deepStrictEqual(membersOf(update!, "before"), expected);
  deepStrictEqual(membersOf(update!, "after"), [...expected.slice(0, -1), ["c1599", "null"]]);
});

Deno.test("tables that a publication gains and loses while it streams: from their place in the WAL on", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(`CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE two (id int PRIMARY KEY);
    CREATE PUBLICATION ${bed.publication} FOR TABLE one`);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO one VALUES (1); INSERT INTO two VALUES (1)");
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} ADD TABLE two`);
  await bed.sql.exec("INSERT INTO one VALUES (2); INSERT INTO two VALUES (2)");
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} DROP TABLE one`);
  await bed.sql.exec("INSERT INTO one VALUES (3); INSERT INTO two VALUES (3)");
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual((await recordsOf(bed)).map(({ topic, key }) => [topic.split(".").at(-1), key]).sort(), [
    ["one", '{"id":1}'],
    ["one", '{"id":2}'],
    ["two", '{"id":2}'],
    ["two", '{"id":3}'],
  ]);
});

Deno.test("a table whose primary key is not its replica identity has it as the key where the row holds it", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`CREATE TABLE full_rows (a int, b text, PRIMARY KEY (b, a));
    ALTER TABLE full_rows REPLICA IDENTITY FULL;
    CREATE TABLE by_code (id int PRIMARY KEY, code text NOT NULL UNIQUE, note text);
    ALTER TABLE by_code REPLICA IDENTITY USING INDEX by_code_code_key;
    CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE)`);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`INSERT INTO full_rows VALUES (1, 'x'); DELETE FROM full_rows;
    INSERT INTO by_code VALUES (1, 'c'); UPDATE by_code SET note = 'n'; DELETE FROM by_code;
    INSERT INTO deferred VALUES (1)`);
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual((await recordsOf(bed)).map(({ topic, key }) => [topic.split(".").at(-1), key]), [
    ["by_code", '{"id":1}'],
    ["by_code", '{"id":1}'],
    ["by_code", '{"code":"c"}'],
    ["deferred", '{"id":1}'],
    ["full_rows", '{"a":1,"b":"x"}'],
    ["full_rows", '{"a":1,"b":"x"}'],
  ]);
});

Deno.test("prepared, tagged and empty transactions, and messages of both kinds", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE t (id int PRIMARY KEY)");
  await using capture = await startCapture({ env: { ...bed.env, PG_MESSAGES: "*" } });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION '${bed.slot}_1'`);
  await bed.sql.exec(`BEGIN; INSERT INTO t VALUES (9); PREPARE TRANSACTION '${bed.slot}_2'`);
  await bed.sql.exec("INSERT INTO t VALUES (2)");
  await bed.sql.exec(`ROLLBACK PREPARED '${bed.slot}_2'`);
  await bed.sql.exec(`COMMIT PREPARED '${bed.slot}_1'`);
  await bed.sql.rows("SELECT pg_logical_emit_message(false, 'app', 'now')");
  await bed.sql.exec("BEGIN; SELECT pg_logical_emit_message(true, 'app', 'gone'); ROLLBACK");
  await bed.sql.exec(
    "BEGIN; SELECT pg_logical_emit_message(true, 'app', 'kept'); INSERT INTO t VALUES (3); COMMIT",
  );
  await waitUntilConfirmed(bed, capture);
  const records = await recordsOf(bed);
  deepStrictEqual(
    records.filter(({ topic }) => topic.endsWith(".public.t")).map(({ key }) => key),
    ['{"id":2}', '{"id":1}', '{"id":3}'],
  );
  deepStrictEqual(
    records.filter(({ topic }) => topic === `${bed.topicPrefix}.message`).map(({ value }) => {
      const { op, message, source } = JSON.parse(value!);
      return [op, message, source.tx_seq > 0];
    }),
    [
      ["MESSAGE", { prefix: "app", transactional: false, content: btoa("now") }, false],
      ["MESSAGE", { prefix: "app", transactional: true, content: btoa("kept") }, true],
    ],
  );
});

async function recordsOf(bed: TestBed): Promise<readonly TopicRecord[]> {
  return await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
}

function membersOf({ value }: TopicRecord, name: string): [string, string][] {
  const message = parseRawJson(value!);
  const row = message.kind === "object" ? message.members.get(name) : undefined;
  return row?.kind === "object" ? Array.from(row.members, ([key, each]) => [key, each.raw]) : [];
}
