// PG_TABLES on a real server: the publication is made, kept to the tables, and follows new ones.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { sql } from "../../dev/servers/psql.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const TABLES_SQL = `
  CREATE SCHEMA sales;
  CREATE SCHEMA "Odd, one";
  CREATE TABLE users (id int PRIMARY KEY);
  CREATE TABLE "Users" (id int PRIMARY KEY);
  CREATE TABLE user_log (id int PRIMARY KEY);
  CREATE TABLE users_x (id int PRIMARY KEY);
  CREATE UNLOGGED TABLE sales.scratch (id int PRIMARY KEY);
  CREATE TABLE sales.orders (id int PRIMARY KEY);
  CREATE TABLE sales.parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
  CREATE TABLE sales.parted_low PARTITION OF sales.parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE "Odd, one"."a.b*" (id int PRIMARY KEY)`;

Deno.test("PG_TABLES makes the publication of the tables that match, partitions under their root", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(TABLES_SQL);
  await using capture = await startCapture({
    env: { ...bed.env, PG_TABLES: 'public.users, sales.*, "Odd, one"."a.b*", p*.user_*' },
  });
  await capture.waitForLog("Streaming");
  deepStrictEqual(await published(bed), [
    '"Odd, one"."a.b*"',
    "public.user_log",
    "public.users",
    "sales.orders",
    "sales.parted",
  ]);
  await bed.sql.exec(
    `INSERT INTO users VALUES (1); INSERT INTO users_x VALUES (1); INSERT INTO sales.parted VALUES (1)`,
  );
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 2 });
  deepStrictEqual(records.map(({ topic }) => topic.slice(bed.topicPrefix.length)).sort(), [
    ".public.users",
    ".sales.parted",
  ]);
});

Deno.test("with no table that matches it warns and streams; a table made later is captured", async () => {
  await using bed = await createTestBed({ publish: false });
  await using capture = await startCapture({ env: { ...bed.env, PG_TABLES: "public.*" } });
  await capture.waitForLog("no table matches");
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`CREATE TABLE late (id int PRIMARY KEY)`);
  await capture.waitForLog(/Changed the publication.*public\.late/);
  await bed.sql.exec(`INSERT INTO late VALUES (1)`);
  const [record] = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 1 });
  strictEqual(record?.key, '{"id":1}');
  await bed.sql.exec(`ALTER TABLE late SET SCHEMA pg_temp`).catch(() => {});
});

Deno.test("a publication of tables is kept to PG_TABLES; filters of those that stay are left alone", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(TABLES_SQL);
  await bed.sql.exec(`CREATE PUBLICATION ${bed.publication} FOR TABLE users WHERE (id > 1), users_x`);
  await using capture = await startCapture({
    env: { ...bed.env, PG_TABLES: "public.users,public.user_log" },
  });
  await capture.waitForLog("Streaming");
  deepStrictEqual(await published(bed), ["public.user_log", "public.users"]);
  strictEqual(
    await bed.sql.value("SELECT count(*) FROM pg_publication_tables WHERE rowfilter IS NOT NULL"),
    "1",
  );
});

for (const kind of ["ALL TABLES", "TABLES IN SCHEMA public"]) {
  Deno.test(`a publication for ${kind} is refused with PG_TABLES, and left as it is`, async () => {
    await using bed = await createTestBed({ publish: false });
    await bed.sql.exec(`CREATE PUBLICATION ${bed.publication} FOR ${kind}`);
    const { code, line } = await refusal(bed, { PG_TABLES: "public.users" });
    strictEqual(code, 3);
    match(line, /Cannot manage publication "pub_\w+": it is for .*fix: .*PG_PUBLICATION/);
  });
}

Deno.test("what the role may not do is refused all at once, with the commands that fix it", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(TABLES_SQL);
  const role = `role_${bed.slot}`;
  await bed.sql.exec(`CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'a-password'`);
  const env = { PG_USERNAME: role, PG_PASSWORD: "a-password", PG_TABLES: "public.users,sales.orders" };
  try {
    const { code, line } = await refusal(bed, env);
    strictEqual(code, 3);
    match(line, /needs CREATE on database/);
    match(line, /table public\.users is owned by "postgres"; table sales\.orders is owned by "postgres"/);
    match(line, new RegExp(`GRANT CREATE ON DATABASE .* TO \\W*"${role}`));
    strictEqual(await bed.sql.value("SELECT count(*) FROM pg_publication"), "0");
    strictEqual(
      await bed.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [bed.slot]),
      "0",
    );
    await bed.sql.exec(
      `GRANT CREATE ON DATABASE ${bed.postgres.database} TO ${role}; GRANT postgres TO ${role}`,
    );
    await using capture = await startCapture({ env: { ...bed.env, ...env } });
    await capture.waitForLog("Streaming");
  } finally {
    await using admin = await sql(bed.postgres);
    await admin.exec(`REASSIGN OWNED BY ${role} TO postgres; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

Deno.test("a publication is not made for a slot that is older: the slot would be stuck", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(TABLES_SQL);
  await bed.sql.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [bed.slot]);
  const { code, line } = await refusal(bed, { PG_TABLES: "public.users" });
  strictEqual(code, 3);
  match(line, /Cannot create publication .*is there already.*fix: set PG_PUBLICATION .*, or PG_SLOT_NAME/);
});

async function published(bed: TestBed): Promise<(string | null | undefined)[]> {
  const rows = await bed.sql.rows(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_publication_tables WHERE pubname = $1 ORDER BY 1`,
    [bed.publication],
  );
  return rows.map(({ name }) => name);
}

async function refusal(
  bed: TestBed,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; line: string }> {
  await using capture = await startCapture({ env: { ...bed.env, ...env } });
  const { code } = await capture.waitForExit();
  return { code, line: capture.log.at(-1) ?? "" };
}
