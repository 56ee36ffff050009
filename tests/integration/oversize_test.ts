// Rows that Kafka does not take, and rows that PostgreSQL can't decode, on real servers.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { sql } from "../../dev/servers/psql.ts";
import { createTestBed } from "../support/servers.ts";

const LIMIT = "20000";
const BIG = "repeat('x', 30000)";

Deno.test("a row above the broker's limit stops it after the transactions before: table, key and size are named", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE docs (id int PRIMARY KEY, body text)");
  // Nothing is sent because of the time.
  const env = { ...bed.env, KAFKA_MAX_MESSAGE_BYTES: LIMIT, KAFKA_LINGER_MS: "30000" };
  for (let start = 0; start < 2; start++) {
    await using capture = await startCapture({ env });
    if (start === 0) {
      await capture.waitForLog("Streaming");
      await bed.sql.exec("INSERT INTO docs VALUES (1, 'small')");
      await bed.sql.exec(`INSERT INTO docs VALUES (2, 'small'), (3, ${BIG}), (4, 'small')`);
    }
    strictEqual((await capture.waitForExit()).code, 3);
    match(
      capture.log.at(-1)!,
      /Cannot send the INSERT of table .*public.*docs.*, key sha256:[0-9a-f]{12}, at commit_lsn \S+ tx_seq \d+: it needs 30\d\d\d bytes, KAFKA_MAX_MESSAGE_BYTES is 20000.*fix: /,
    );
  }
  const keys = async () =>
    (await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix })).map(({ key }) => key);
  deepStrictEqual(await keys(), ['{"id":1}'], "nothing of the refused row's transaction");
  await using capture = await startCapture({ env: bed.env });
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await keys(), ['{"id":1}', '{"id":2}', '{"id":3}', '{"id":4}'], "each once");
});

Deno.test("with KAFKA_OVERSIZE=dead-letter a pointer takes its place, and all else goes its way", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE docs (id int PRIMARY KEY, body text)");
  await bed.sql.exec("ALTER TABLE docs REPLICA IDENTITY FULL");
  await using capture = await startCapture({
    env: {
      ...bed.env,
      KAFKA_MAX_MESSAGE_BYTES: LIMIT,
      KAFKA_OVERSIZE: "dead-letter",
      KAFKA_TOMBSTONES: "true",
      PG_MESSAGES: "p",
    },
  });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`INSERT INTO docs VALUES (1, 'small'), (2, ${BIG}), (3, 'small')`);
  await bed.sql.exec("UPDATE docs SET id = 4 WHERE id = 2");
  await bed.sql.exec("DELETE FROM docs WHERE id = 4");
  await bed.sql.rows(`SELECT pg_logical_emit_message(true, 'p', ${BIG})`);
  await waitUntilConfirmed(bed, capture);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  const topic = (name: string) =>
    records.filter((record) => record.topic === `${bed.topicPrefix}.${name}`).map(({ key, value }) => {
      const { op, source, key: keyInside, ...rest } = JSON.parse(value ?? "{}");
      if (keyInside !== undefined) deepStrictEqual(keyInside, JSON.parse(key!));
      return { key, op, seq: source?.tx_seq, keyChange: source?.key_change, ...rest };
    });
  const rows = topic("public.docs");
  deepStrictEqual(rows.map(({ key, op }) => [key, op]), [
    ['{"id":1}', "INSERT"],
    ['{"id":3}', "INSERT"],
    ['{"id":2}', undefined],
    ['{"id":4}', undefined],
  ]);
  const pointers = topic("dead-letter");
  deepStrictEqual(
    pointers.map(({ key, op, keyChange, schema, table }) => [key, op, keyChange, schema, table]),
    [
      ['{"id":2}', "INSERT", undefined, "public", "docs"],
      ['{"id":2}', "DELETE", true, "public", "docs"],
      ['{"id":4}', "INSERT", true, "public", "docs"],
      ['{"id":4}', "DELETE", undefined, "public", "docs"],
      ['{"prefix":"p"}', "MESSAGE", undefined, null, null],
    ],
  );
  strictEqual(pointers[2]!.seq, pointers[1]!.seq + 1);
  for (const { bytes } of pointers) strictEqual(bytes > 30_000, true);
  await capture.waitForLog("a pointer to it went to the dead-letter topic");
  strictEqual((await capture.terminate()).code, 0);
});

Deno.test("a row of hundreds of megabytes takes no memory, whether it stops pg-capture or goes as a pointer", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE blobs (id int PRIMARY KEY, b bytea, n int)");
  await bed.sql.exec("ALTER TABLE blobs REPLICA IDENTITY FULL");
  const bytes = 200_000_000;
  {
    await using capture = await startCapture({ env: bed.env });
    await capture.waitForLog("Streaming");
    await bed.sql.exec(`INSERT INTO blobs VALUES (7, convert_to(repeat('x', ${bytes}), 'UTF8'), 0)`);
    await bed.sql.exec("UPDATE blobs SET n = 1");
    const peakMb = await peakMemoryMb(capture.pid, capture.exit);
    strictEqual((await capture.exit).code, 3);
    match(
      capture.log.at(-1)!,
      /Cannot send the INSERT of table .*public.*blobs.*, key sha256:[0-9a-f]{12}, .*: its values have more than 4000000\d\d bytes, .*fix: /,
    );
    strictEqual(peakMb < 128, true, `${peakMb} MB`);
  }
  await using capture = await startCapture({ env: { ...bed.env, KAFKA_OVERSIZE: "dead-letter" } });
  await bed.sql.exec("INSERT INTO blobs VALUES (8, NULL, 0)");
  await waitUntilConfirmed(bed, capture);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  deepStrictEqual(
    records.map(({ topic, key, value }) => {
      const { op, bytes: size } = JSON.parse(value!);
      return [topic.slice(bed.topicPrefix.length), key, op, size > 2 * bytes];
    }).sort(),
    [
      [".dead-letter", '{"id":7}', "INSERT", true],
      [".dead-letter", '{"id":7}', "UPDATE", true],
      [".public.blobs", '{"id":8}', "INSERT", false],
    ],
  );
});

Deno.test("a row of hundreds of megabytes in a snapshot takes no memory, and goes as a pointer", async () => {
  await using bed = await createTestBed();
  const bytes = 200_000_000;
  await bed.sql.exec(`
    CREATE TABLE blobs (a bytea, id int PRIMARY KEY, b bytea, n int);
    INSERT INTO blobs VALUES ('', 6, '', 1), ('x', 7, convert_to(repeat('x', ${bytes}), 'UTF8'), 2), ('', 8, NULL, 3)`);
  await using capture = await startCapture({
    env: { ...bed.env, SNAPSHOT_MODE: "only", KAFKA_OVERSIZE: "dead-letter" },
  });
  const peakMb = await peakMemoryMb(capture.pid, capture.exit);
  strictEqual((await capture.exit).code, 0);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  deepStrictEqual(
    records.map(({ topic, key, value }) => {
      const { op, bytes: size, after } = JSON.parse(value!);
      return [topic.slice(bed.topicPrefix.length), key, op, size > 2 * bytes, after?.n];
    }).sort(),
    [
      [".dead-letter", '{"id":7}', "READ", true, undefined],
      [".public.blobs", '{"id":6}', "READ", false, 1],
      [".public.blobs", '{"id":8}', "READ", false, 3],
    ],
  );
  strictEqual(peakMb < 128, true, `${peakMb} MB`);
});

Deno.test("a row beyond the 1 GB of a message stops it, with table, slot and fix, and no loop", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE blobs (id int PRIMARY KEY, b bytea)");
  await bed.sql.exec("ALTER TABLE blobs REPLICA IDENTITY FULL");
  await bed.sql.exec("INSERT INTO blobs VALUES (1, convert_to(repeat('x', 300000000), 'UTF8'))");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("UPDATE blobs SET b = convert_to(repeat('y', 300000000), 'UTF8')");
  strictEqual((await capture.waitForExit(60_000)).code, 3);
  match(
    capture.log.at(-1)!,
    new RegExp(`slot.*${bed.slot}.*a change of table .*public.*blobs.*fix: .*poison`),
  );
});

async function peakMemoryMb(pid: number, exit: Promise<unknown>): Promise<number> {
  let peak = 0;
  let running = true;
  exit.finally(() => running = false);
  while (running) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return peak;
}

Deno.test("a row that PostgreSQL itself can't decode stops it, with the slot and the fix, again and again", async () => {
  await using bed = await createTestBed({ publish: false });
  const database = `${bed.postgres.database}_ascii`;
  await bed.sql.exec(`CREATE DATABASE ${database} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`);
  try {
    await using admin = await sql({ ...bed.postgres, database });
    await admin.exec(`CREATE TABLE t (id int PRIMARY KEY, v text);
      CREATE PUBLICATION ${bed.publication} FOR ALL TABLES`);
    for (let start = 0; start < 2; start++) {
      await using capture = await startCapture({ env: { ...bed.env, PG_DATABASE: database } });
      if (start === 0) {
        await capture.waitForLog("Streaming");
        await admin.exec(`SET client_encoding = 'SQL_ASCII'; INSERT INTO t VALUES (1, E'\\xff\\xfe')`);
      }
      strictEqual((await capture.waitForExit()).code, 3);
      match(
        capture.log.at(-1)!,
        new RegExp(`slot.*${bed.slot}.*invalid byte sequence.*a change of table .*public.*t.*fix: .*poison`),
      );
    }
  } finally {
    await bed.sql.rows("SELECT pg_drop_replication_slot($1)", [bed.slot]).catch(() => {});
    await bed.sql.exec(`DROP DATABASE ${database} WITH (FORCE)`);
  }
});
