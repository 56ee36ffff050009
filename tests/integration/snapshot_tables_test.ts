// Snapshots of tables of every kind, of publications that choose rows and columns, and of tables that can't be read.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { type PostgresMajor, startPostgres } from "../../dev/servers/postgres.ts";
import { sql } from "../../dev/servers/psql.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { readStoredSnapshots, waitUntilSnapshotsEnd } from "../support/snapshot_oracle.ts";
import { createTestBed, sharedServers, type TestBed } from "../support/servers.ts";

const ONLY = { SNAPSHOT_MODE: "only" };

for (const viaRoot of [true, false]) {
  Deno.test(`rows of partitions come ${viaRoot ? "under their root's" : "each under its partition's"} name`, async () => {
    await using bed = await createTestBed({ publish: false });
    await bed.sql.exec(`
      CREATE TABLE event (id int, day int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
      CREATE TABLE early PARTITION OF event FOR VALUES FROM (0) TO (10);
      CREATE TABLE late PARTITION OF event FOR VALUES FROM (10) TO (100) PARTITION BY LIST (day);
      CREATE TABLE later PARTITION OF late DEFAULT;
      INSERT INTO event SELECT n, n % 20 FROM generate_series(1, 40) n;
      CREATE PUBLICATION ${bed.publication} FOR TABLE event WITH (publish_via_partition_root = ${viaRoot})`);
    const rows = await snapshotOf(bed);
    deepStrictEqual(
      [...rows].map(([table, each]) => [table, each.length]).sort(),
      viaRoot ? [["public.event", 40]] : [["public.early", 20], ["public.later", 20]],
    );
    strictEqual(new Set([...rows.values()].flat()).size, 40);
  });
}

Deno.test("a publication chooses the rows and the columns of a snapshot, too", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(`
    CREATE TABLE chosen (secret text, id int PRIMARY KEY, name text);
    INSERT INTO chosen SELECT 'secret', n, 'name ' || n FROM generate_series(1, 6) n;
    CREATE PUBLICATION ${bed.publication} FOR TABLE chosen (name, id) WHERE (id > 4)`);
  deepStrictEqual(
    await snapshotOf(bed),
    new Map([["public.chosen", ['{"id":5,"name":"name 5"}', '{"id":6,"name":"name 6"}']]]),
  );
});

Deno.test("tables of every shape come with their rows", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE EXTENSION citext;
    CREATE TABLE word (word citext PRIMARY KEY); INSERT INTO word VALUES ('b'), ('A'), ('c'), ('Ä'), ('');
    CREATE SCHEMA "Odd ""schema";
    CREATE TABLE "Odd ""schema"."ta'ble;--" ("k""ey" text, "o'ther" "char", PRIMARY KEY ("k""ey", "o'ther"));
    INSERT INTO "Odd ""schema"."ta'ble;--" VALUES ('a''b"\\', 'x'), ('', 'y');
    CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (2 * id) STORED, gone int, last text);
    INSERT INTO computed VALUES (1, DEFAULT, 7, 'a'); ALTER TABLE computed DROP COLUMN gone;
    INSERT INTO computed VALUES (2, DEFAULT, NULL);
    CREATE TABLE empty (id int PRIMARY KEY);
    CREATE TABLE columnless (); INSERT INTO columnless DEFAULT VALUES; INSERT INTO columnless DEFAULT VALUES`);
  const rows = await snapshotOf(bed);
  deepStrictEqual(
    Object.fromEntries([...rows].sort()),
    {
      "Odd \"schema.ta'ble;--": ['{"k\\"ey":"","o\'ther":"y"}', `{"k\\"ey":"a'b\\"\\\\","o'ther":"x"}`],
      "public.columnless": ["{}", "{}"],
      "public.computed": ['{"id":1,"last":"a"}', '{"id":2,"last":null}'],
      "public.word": ['{"word":""}', '{"word":"A"}', '{"word":"b"}', '{"word":"c"}', '{"word":"Ä"}'],
    },
  );
  strictEqual((await readStoredSnapshots(bed)).get("public.empty")?.status, "complete");
});

Deno.test("a table that can't be read fails alone, named with its fix, in the log, the list and by check", async () => {
  await using bed = await createTestBed();
  const role = `reader_${bed.slot}`;
  const tables = ["fine", "hidden", "forbidden", "other.inside"];
  await bed.sql.exec(`
    CREATE SCHEMA other;
    ${
    tables.map((table) => `CREATE TABLE ${table} (id int PRIMARY KEY); INSERT INTO ${table} VALUES (1);`)
      .join("")
  }
    ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON hidden USING (id > 5);
    CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'secret';
    GRANT SELECT ON fine, hidden, other.inside TO ${role};
    GRANT CONNECT ON DATABASE ${bed.postgres.database} TO ${role}`);
  try {
    const env = { ...bed.env, ...ONLY, PG_USERNAME: role, PG_PASSWORD: "secret" };
    const fixes = [
      `ALTER ROLE "${role}" BYPASSRLS;`,
      `GRANT SELECT ON "public"."forbidden" TO "${role}";`,
      `GRANT USAGE ON SCHEMA "other" TO "${role}";`,
    ];
    const named = (text: string) => fixes.filter((fix) => text.includes(fix));
    const findings = await output(env, ["check"]);
    deepStrictEqual(named(findings), fixes, findings);
    await using capture = await startCapture({ env });
    strictEqual((await capture.waitForExit()).code, 3);
    deepStrictEqual(named(capture.log.map(plain).join("\n")), fixes, capture.log.join("\n"));
    const list = await output(env, ["snapshot", "--list"]);
    deepStrictEqual(named(list), fixes, list);
    const states = await readStoredSnapshots(bed);
    deepStrictEqual(
      tables.map((table) => states.get(table.includes(".") ? table : `public.${table}`)?.status),
      [
        ...["complete", "failed", "failed", "failed"],
      ],
    );
    for (const fix of fixes) await bed.sql.exec(fix);
    await using again = await startCapture({ env });
    strictEqual((await again.waitForExit()).code, 0, again.log.slice(-5).join("\n"));
  } finally {
    await bed.sql.rows("SELECT pg_drop_replication_slot($1)", [bed.slot]).catch(() => {});
    await bed.sql.exec(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

Deno.test("a table that joins the publication gets its snapshot then; one that is taken out fails with a line", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(`
    CREATE TABLE first (id int PRIMARY KEY); INSERT INTO first SELECT generate_series(1, 20000);
    CREATE TABLE second (id int PRIMARY KEY); INSERT INTO second VALUES (1);
    CREATE PUBLICATION ${bed.publication} FOR TABLE first`);
  await using capture = await startCapture({
    env: { ...bed.env, SNAPSHOT_MODE: "initial", SNAPSHOT_ROWS_PER_SECOND: "2000" },
  });
  await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 1 });
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} SET TABLE second`);
  const states = await waitUntilSnapshotsEnd(bed, capture, ["public.first", "public.second"]);
  deepStrictEqual(["first", "second"].map((table) => states.get(`public.${table}`)?.status), [
    ...["failed", "complete"],
  ]);
  match(states.get("public.first")!.reason!, /"public"\."first" does not exist, or is not published/);
  ok(capture.log.some((line) => /first/.test(line) && /not published/.test(line)), logOf(capture));
});

Deno.test("a table that another session has locked waits with a line; others go on, with one reader", async () => {
  await using bed = await createTestBed();
  await using locker = await sql(bed.postgres);
  const env = { ...bed.env, SNAPSHOT_MODE: "initial", SNAPSHOT_READERS: "1" };
  // Creating a slot waits for whoever has locked a table; so may a first snapshot.
  {
    await using first = await startCapture({ env });
    await first.waitForLog("Streaming");
    await waitUntilHeld(bed);
    await first.terminate();
  }
  await bed.sql.exec(`
    CREATE TABLE a_locked (id int PRIMARY KEY); INSERT INTO a_locked VALUES (1);
    CREATE TABLE b_locked (n int); INSERT INTO b_locked VALUES (1);
    CREATE TABLE c_free (id int PRIMARY KEY); INSERT INTO c_free VALUES (1)`);
  await locker.exec("BEGIN; LOCK TABLE a_locked, b_locked IN ACCESS EXCLUSIVE MODE");
  await using capture = await startCapture({ env });
  const states = await waitUntilSnapshotsEnd(bed, capture, ["public.c_free"], 30_000);
  strictEqual(states.get("public.c_free")?.status, "complete");
  await capture.waitForLog("another session has locked the table");
  await locker.exec("COMMIT");
  const ended = await waitUntilSnapshotsEnd(bed, capture, ["public.a_locked", "public.b_locked"], 30_000);
  deepStrictEqual([...ended.values()].map(({ status, rows }) => `${status} ${rows}`), [
    ...["complete 1", "complete 1", "complete 1"],
  ]);
});

for (const major of [14, 18] satisfies PostgresMajor[]) {
  Deno.test(`PostgreSQL ${major}: tables with and without a key, and what is generated`, async () => {
    const { brokers } = await sharedServers();
    await using postgres = await startPostgres({ major });
    await using bed = await createTestBed({ servers: { postgres, brokers }, publish: false });
    const options = major === 18 ? "WITH (publish_generated_columns = stored)" : "";
    await bed.sql.exec(`
      CREATE TABLE kept (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (2 * id) STORED);
      INSERT INTO kept SELECT n FROM generate_series(1, 3000) n;
      CREATE TABLE bag (n int); INSERT INTO bag SELECT n FROM generate_series(1, 3000) n;
      CREATE PUBLICATION ${bed.publication} FOR ALL TABLES ${options}`);
    const rows = await snapshotOf(bed);
    deepStrictEqual([...rows].map(([table, each]) => [table, each.length]).sort(), [
      ["public.bag", 3000],
      ["public.kept", 3000],
    ]);
    ok(rows.get("public.kept")!.includes(major === 18 ? '{"id":7,"twice":14}' : '{"id":7}'));
    // The stream describes the rows as the snapshot did.
    await using capture = await startCapture({ env: { ...bed.env, SNAPSHOT_MODE: "initial" } });
    await capture.waitForLog("Streaming");
    await bed.sql.exec("UPDATE kept SET id = -id WHERE id = 7; INSERT INTO bag VALUES (-1)");
    const records = await readTopics({ brokers, prefix: `${bed.topicPrefix}.public`, untilCount: 6_003 });
    ok(
      records.some(({ value }) =>
        value?.includes(major === 18 ? '"after":{"id":-7,"twice":-14}' : '"after":{"id":-7}')
      ),
    );
    await capture.terminate();
  });
}

/** What SNAPSHOT_MODE=only sends: the rows of each table as JSON, in order of their texts. */
Deno.test("a table that is altered while nothing is written to it is read on as it is now", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE TABLE measured (id int PRIMARY KEY, value text);
    INSERT INTO measured SELECT n, n FROM generate_series(1, 1500) n`);
  await using capture = await startCapture({ env: { ...bed.env, ...ONLY, SNAPSHOT_ROWS_PER_SECOND: "400" } });
  await capture.waitForLog("Snapshot started table=public.measured");
  await bed.sql.exec("ALTER TABLE measured ALTER COLUMN value TYPE int USING value::int");
  strictEqual((await capture.waitForExit()).code, 0, logOf(capture));
  const rows = (await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix }))
    .map(({ value }) => JSON.parse(value!).after);
  deepStrictEqual(rows.map(({ id }) => id), Array.from({ length: 1500 }, (_, index) => index + 1));
  deepStrictEqual([rows[0], rows.at(-1)], [{ id: 1, value: "1" }, { id: 1500, value: 1500 }]);
});

async function snapshotOf(bed: TestBed): Promise<ReadonlyMap<string, readonly string[]>> {
  await using capture = await startCapture({ env: { ...bed.env, ...ONLY } });
  strictEqual((await capture.waitForExit()).code, 0, logOf(capture));
  const rows = new Map<string, string[]>();
  for (const { value } of await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix })) {
    const { op, schema, table, after } = JSON.parse(value!);
    strictEqual(op, "READ");
    const name = `${schema}.${table}`;
    if (!rows.has(name)) rows.set(name, []);
    rows.get(name)!.push(JSON.stringify(after));
  }
  for (const each of rows.values()) each.sort();
  return rows;
}

async function output(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<string> {
  await using command = await startCapture({ env, args });
  await command.waitForExit();
  return command.stdout;
}

/** Waits until Kafka holds that what is not visible is not confirmed. */
async function waitUntilHeld({ brokers, topicPrefix }: TestBed): Promise<void> {
  const topics = [`${topicPrefix}.pg-capture.snapshots`];
  const deadline = Date.now() + 15_000;
  while (!(await readTopics({ brokers, topics })).some(({ value }) => value?.includes("holds"))) {
    ok(Date.now() < deadline, "nothing is held");
    await delay(200);
  }
}

/** A line of the log with its quotes as they were. */
function plain(line: string): string {
  return line.replaceAll('\\"', '"');
}

function logOf({ log }: CaptureProcess): string {
  return log.slice(-10).join("\n");
}
