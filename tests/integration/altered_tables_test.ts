// Tables that are altered or dropped before their changes are read: key and shape are those of the time.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { freePort } from "../../dev/servers/ports.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { sample, scrape } from "../support/scrape.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const SETUP = `
  CREATE TYPE mood AS ENUM ('sad');
  CREATE TYPE pair AS (l int, r text);
  CREATE TABLE t (id int PRIMARY KEY, p pair, ms mood[]);
  ALTER TABLE t REPLICA IDENTITY FULL;
  CREATE TABLE other (id int PRIMARY KEY)`;
const ROW = (id: number) => `INSERT INTO t VALUES (${id}, '(1,a)', '{sad}')`;
const AFTER = (id: number) => ({ id, p: { l: 1, r: "a" }, ms: ["sad"] });

async function started(bed: TestBed, env: Readonly<Record<string, string>> = {}): Promise<CaptureProcess> {
  const capture = await startCapture({ env: { ...bed.env, ...env } });
  await capture.waitForLog("Streaming");
  return capture;
}

/** Captures what the first statements write, is down during the second ones, and captures the rest. */
async function acrossDowntime(
  bed: TestBed,
  before: string,
  meanwhile: readonly string[],
): Promise<CaptureProcess> {
  await using first = await started(bed);
  await bed.sql.exec(before);
  await waitUntilConfirmed(bed, first);
  await first.terminate();
  for (const statements of meanwhile) await bed.sql.exec(statements);
  const second = await started(bed);
  await waitUntilConfirmed(bed, second);
  return second;
}

async function recordsOf(
  bed: TestBed,
  table = "t",
): Promise<{ op: string; key: unknown; after: unknown }[]> {
  const topics = [`${bed.topicPrefix}.public.${table}`];
  const records = await readTopics({ brokers: bed.brokers, topics });
  return records.map(({ key, value }) => {
    const { op, after } = JSON.parse(value!);
    return { op, key: key === null ? null : JSON.parse(key), after };
  });
}

for (
  const { what, meanwhile, identity = "FULL" } of [
    { what: "its primary key is dropped", meanwhile: ["ALTER TABLE t DROP CONSTRAINT t_pkey"] },
    { what: "it is dropped with its types", meanwhile: ["DROP TABLE t", "DROP TYPE pair, mood"] },
    { what: "its schema and all in it is dropped", meanwhile: ["DROP SCHEMA public CASCADE"] },
    {
      what: "its columns and their types are dropped",
      meanwhile: ["ALTER TABLE t DROP COLUMN p, DROP COLUMN ms", "DROP TYPE pair, mood"],
    },
    { what: "its key's column is renamed", meanwhile: ["ALTER TABLE t RENAME id TO no"] },
    {
      what: "its primary key is moved to another column",
      meanwhile: ["ALTER TABLE t DROP CONSTRAINT t_pkey, ADD n serial PRIMARY KEY"],
    },
    { what: "its key becomes a text", meanwhile: ["ALTER TABLE t ALTER id TYPE text"] },
    { what: "it is renamed", meanwhile: ["ALTER TABLE t RENAME TO t2"] },
    { what: "a label of its enum is renamed", meanwhile: ["ALTER TYPE mood RENAME VALUE 'sad' TO 'sorry'"] },
    {
      what: "an attribute of its type is renamed",
      meanwhile: ["ALTER TYPE pair RENAME ATTRIBUTE l TO left_"],
    },
    { what: "an attribute of its type is dropped", meanwhile: ["ALTER TYPE pair DROP ATTRIBUTE l"] },
    {
      what: "it is dropped, under REPLICA IDENTITY NOTHING",
      meanwhile: ["DROP TABLE t"],
      identity: "NOTHING",
    },
  ]
) {
  Deno.test(`rows that wait while ${what} have the key and the shape of their time`, async () => {
    await using bed = await createTestBed();
    await bed.sql.exec(`${SETUP}; ALTER TABLE t REPLICA IDENTITY ${identity}`);
    await using capture = await acrossDowntime(bed, ROW(1), [ROW(2), ...meanwhile]);
    deepStrictEqual(await recordsOf(bed), [
      { op: "INSERT", key: { id: 1 }, after: AFTER(1) },
      { op: "INSERT", key: { id: 2 }, after: AFTER(2) },
    ]);
    strictEqual(capture.log.some((line) => line.includes("can't be known")), false);
  });
}

Deno.test("a table that is dropped is known across a kill in the middle of its last transaction", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  const small = { KAFKA_BATCH_BYTES: "16384", KAFKA_LINGER_MS: "0" };
  await using first = await started(bed, small);
  await bed.sql.exec(`INSERT INTO t SELECT n, '(1,a)', '{sad}' FROM generate_series(1, 20000) n`);
  await readTopics({ brokers: bed.brokers, topics: [`${bed.topicPrefix}.public.t`], untilCount: 100 });
  await first.kill();
  await bed.sql.exec("DROP TABLE t; DROP TYPE pair, mood");
  await using second = await started(bed, small);
  await waitUntilConfirmed(bed, second);
  const records = await recordsOf(bed);
  strictEqual(records.length, 20_000);
  for (const [index, { key, after }] of records.entries()) {
    deepStrictEqual([key, after], [{ id: index + 1 }, AFTER(index + 1)]);
  }
});

Deno.test("a primary key that is added while nobody looks is the key from then on, not before", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`${SETUP}; ALTER TABLE t DROP CONSTRAINT t_pkey`);
  await using _capture = await acrossDowntime(bed, ROW(1), [
    ROW(2),
    "ALTER TABLE t ADD PRIMARY KEY (id)",
    ROW(3),
  ]);
  deepStrictEqual((await recordsOf(bed)).map(({ key }) => key), [null, null, { id: 3 }]);
});

Deno.test("so it is where no row of before is read", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`${SETUP}; ALTER TABLE t DROP CONSTRAINT t_pkey`);
  await using _capture = await acrossDowntime(bed, ROW(1), ["ALTER TABLE t ADD PRIMARY KEY (id)", ROW(2)]);
  deepStrictEqual((await recordsOf(bed)).map(({ key }) => key), [null, { id: 2 }]);
});

Deno.test("while it streams, a key is the table's from the statement on that adds or drops it", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using capture = await started(bed);
  await bed.sql.exec(ROW(1));
  await waitUntilConfirmed(bed, capture);
  await bed.sql.exec("ALTER TABLE t DROP CONSTRAINT t_pkey");
  await waitUntilConfirmed(bed, capture);
  await bed.sql.exec(ROW(2));
  await waitUntilConfirmed(bed, capture);
  await bed.sql.exec("ALTER TABLE t ADD PRIMARY KEY (id)");
  await bed.sql.exec(ROW(3));
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual((await recordsOf(bed)).map(({ key }) => key), [{ id: 1 }, null, { id: 3 }]);
});

Deno.test("a key that was dropped while nobody looked is no longer the key of what is written after the start", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using capture = await acrossDowntime(bed, ROW(1), [ROW(2), "ALTER TABLE t DROP CONSTRAINT t_pkey"]);
  await bed.sql.exec(ROW(3));
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual((await recordsOf(bed)).map(({ key }) => key), [{ id: 1 }, { id: 2 }, null]);
});

Deno.test("an attribute that is renamed while nobody looks: each row has the name of its time", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  await using _capture = await acrossDowntime(bed, ROW(1), [
    ROW(2),
    "ALTER TYPE pair RENAME ATTRIBUTE l TO n",
    ROW(3),
  ]);
  deepStrictEqual((await recordsOf(bed)).map(({ after }) => (after as ReturnType<typeof AFTER>).p), [
    { l: 1, r: "a" },
    { l: 1, r: "a" },
    { n: 1, r: "a" },
  ] as unknown[]);
});

Deno.test("the index that USING INDEX names is dropped with the table: the primary key stays the key", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL UNIQUE);
    ALTER TABLE t REPLICA IDENTITY USING INDEX t_code_key`);
  await using _capture = await acrossDowntime(bed, "INSERT INTO t VALUES (1, 'a')", [
    "INSERT INTO t VALUES (2, 'b')",
    "UPDATE t SET code = 'c' WHERE id = 2",
    "DROP TABLE t",
  ]);
  deepStrictEqual((await recordsOf(bed)).map(({ op, key }) => [op, key]), [
    ["INSERT", { id: 1 }],
    ["INSERT", { id: 2 }],
    ["DELETE", { code: "b" }],
    ["INSERT", { id: 2 }],
  ]);
});

Deno.test("what nobody knows any more is said once a table, and counted; its changes are delivered", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(SETUP);
  {
    await using first = await started(bed);
    await first.terminate();
  }
  await bed.sql.exec(`${ROW(1)}; ${ROW(2)}`);
  await bed.sql.exec("DROP TABLE t; DROP TYPE pair, mood");
  const port = freePort();
  await using second = await started(bed, { METRICS_PORT: String(port) });
  await waitUntilConfirmed(bed, second);
  deepStrictEqual(
    await recordsOf(bed),
    [1, 2].map((id) => ({ op: "INSERT", key: null, after: { id, p: "(1,a)", ms: "{sad}" } })),
  );
  const said = second.log.filter((line) => line.includes("can't be known"));
  strictEqual(said.length, 1);
  match(said[0]!, /public\.t\b.*replica identity.*strings/);
  strictEqual(sample(await scrape(port), "pg_capture_undescribed_relations_total"), 1);
});
