// The commands of SECURITY.md are enough for pg-capture's role, and each right in them is needed: without it, the line
// that it ends with names it.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { PostgresInspection } from "../../src/source/inspection.ts";
import { startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { sql } from "../../dev/servers/psql.ts";
import { sourceOptions } from "../support/source_options.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const document = await Deno.readTextFile(new URL("../../SECURITY.md", import.meta.url));
const [BASE, WITH_TABLES, WITH_STATISTICS, WITH_SNAPSHOTS] =
  /\n## PostgreSQL: least privileges\n([^]*?)\n## /.exec(document)?.[1]?.match(
    /(?<=```sql\n)[^]*?(?=```)/g,
  ) ?? [];

Deno.test("SECURITY.md's SQL runs as it stands, with its own names, one block after the other", async () => {
  await using server = await startPostgres();
  await using admin = await sql(server);
  await admin.exec("CREATE DATABASE shop");
  await admin.exec("CREATE ROLE shop_owner");
  await using shop = await sql({ ...server, database: "shop" });
  const blocks = document.match(/(?<=```sql\n)[^]*?(?=```)/g) ?? [];
  strictEqual(blocks.length, 5);
  for (const block of blocks) await shop.exec(block);
  const mayLogIn = "SELECT rolcanlogin AND rolreplication FROM pg_roles WHERE rolname = 'replicator'";
  strictEqual(await shop.value(mayLogIn), "t");
});

/** What the document's names stand for in one test. */
interface Names {
  readonly role: string;
  readonly owner: string;
  readonly env: Readonly<Record<string, string>>;
  /** The commands of the document, for this database and role. */
  sql(text: string | undefined): string;
}

Deno.test("the commands for a publication that is there are enough for every command", async () => {
  await using bed = await createTestBed({ publish: false });
  const names = await prepare(bed);
  await bed.sql.exec(names.sql(BASE));
  try {
    await assertCaptures(bed, names.env);
    for (const args of [["check"], ["status"], ["teardown", "--yes"]]) await assertWorks(names.env, args);
    const refused = await end(names.env, ["teardown", "--publication", "--yes"]);
    match(refused.line, /must be owner of publication/);
  } finally {
    await cleanUp(bed, names);
  }
});

Deno.test("each right of a capture is needed, and named when it is missing", async () => {
  await using bed = await createTestBed({ publish: false });
  const names = await prepare(bed);
  await bed.sql.exec(names.sql(BASE));
  const { role } = names;
  const rights: Readonly<Record<string, readonly [take: string, give: string, named: RegExp]>> = {
    "LOGIN": [
      `ALTER ROLE ${role} NOLOGIN`,
      `ALTER ROLE ${role} LOGIN`,
      new RegExp(`ALTER ROLE "${role}" LOGIN;`),
    ],
    "REPLICATION": [
      `ALTER ROLE ${role} NOREPLICATION`,
      `ALTER ROLE ${role} REPLICATION`,
      new RegExp(`ALTER ROLE "${role}" REPLICATION;`),
    ],
    "PASSWORD": [
      `ALTER ROLE ${role} PASSWORD 'other'`,
      `ALTER ROLE ${role} PASSWORD 'change-me'`,
      /password authentication failed.*PG_PASSWORD/,
    ],
    "CONNECT": [
      `REVOKE CONNECT ON DATABASE ${bed.postgres.database} FROM ${role}`,
      `GRANT CONNECT ON DATABASE ${bed.postgres.database} TO ${role}`,
      new RegExp(
        `permission denied for database.*GRANT CONNECT ON DATABASE "${bed.postgres.database}" TO "${role}";`,
      ),
    ],
    "PUBLICATION": [
      `DROP PUBLICATION ${bed.publication}`,
      `CREATE PUBLICATION ${bed.publication} FOR ALL TABLES`,
      new RegExp(`publication "${bed.publication}" does not exist.*CREATE PUBLICATION "${bed.publication}"`),
    ],
  };
  // Each word of the commands is accounted for.
  for (const word of Object.keys(rights)) ok(BASE?.includes(word), word);
  strictEqual(BASE?.match(/;/g)?.length, 4);
  try {
    for (const [right, [take, give, named]] of Object.entries(rights)) {
      await bed.sql.exec(take);
      for (const command of ["run", "check"]) {
        const { code, line } = await end(names.env, [command]);
        strictEqual(code, 3, `${right}: ${line}`);
        match(line, named, right);
      }
      await bed.sql.exec(give);
    }
    await assertCaptures(bed, names.env);
  } finally {
    await cleanUp(bed, names);
  }
});

Deno.test("with PG_TABLES two rights more are enough, and each is needed", async () => {
  await using bed = await createTestBed({ publish: false });
  const names = await prepare(bed);
  const { role, owner } = names;
  const [database] = [bed.postgres.database];
  await bed.sql.exec(names.sql(BASE?.replace(/CREATE PUBLICATION.*/, "")));
  const env = { ...names.env, PG_TABLES: "public.item" };
  strictEqual(WITH_TABLES?.match(/;/g)?.length, 2);
  try {
    await bed.sql.exec(names.sql(WITH_TABLES));
    await bed.sql.exec(`REVOKE CREATE ON DATABASE ${database} FROM ${role}`);
    match((await end(env, ["run"])).line, new RegExp(`needs CREATE on database.*GRANT CREATE ON DATABASE`));
    await bed.sql.exec(`GRANT CREATE ON DATABASE ${database} TO ${role}; REVOKE ${owner} FROM ${role}`);
    match(
      (await end(env, ["run"])).line,
      new RegExp(`is owned by "${owner}".*GRANT "${owner}" TO "${role}";`),
    );
    await bed.sql.exec(`GRANT ${owner} TO ${role}`);
    await assertCaptures(bed, env);
    await assertWorks(env, ["check"]);
    await assertWorks(env, ["teardown", "--publication", "--yes"]);
    strictEqual(await bed.sql.value("SELECT count(*) FROM pg_publication"), "0");
  } finally {
    await cleanUp(bed, names);
  }
});

Deno.test("with one right more, check sees the transactions that a slot would wait for", async () => {
  await using bed = await createTestBed({ publish: false });
  const names = await prepare(bed);
  await bed.sql.exec(names.sql(BASE));
  await using older = await sql(bed.postgres);
  const signal = AbortSignal.timeout(10_000);
  try {
    await older.exec("BEGIN; INSERT INTO item VALUES (99)");
    for (const isGranted of [false, true]) {
      if (isGranted) await bed.sql.exec(names.sql(WITH_STATISTICS));
      using inspection = await PostgresInspection.open(
        sourceOptions({ ...bed.postgres, user: names.role, password: "change-me" }),
        signal,
      );
      strictEqual(await inspection.oldTransaction(0, signal) !== null, isGranted);
    }
  } finally {
    await older.exec("ROLLBACK");
    await cleanUp(bed, names);
  }
});

Deno.test("with three commands more a snapshot reads all tables, and each of them is needed", async () => {
  await using bed = await createTestBed({ publish: false });
  const names = await prepare(bed);
  const { role, owner } = names;
  await bed.sql.exec(names.sql(BASE));
  await bed.sql.exec("INSERT INTO item VALUES (1)");
  const env = { ...names.env, SNAPSHOT_MODE: "only" };
  strictEqual(WITH_SNAPSHOTS?.match(/;/g)?.length, 3);
  try {
    await bed.sql.exec(names.sql(WITH_SNAPSHOTS));
    // One that is created later.
    await bed.sql.exec(`SET ROLE ${owner}; CREATE TABLE later (id int PRIMARY KEY); RESET ROLE`);
    const grants = [
      [`USAGE ON SCHEMA public`, new RegExp(`GRANT USAGE ON SCHEMA "public" TO "${role}";`)],
      [`SELECT ON item`, new RegExp(`GRANT SELECT ON "public"."item" TO "${role}";`)],
      [`SELECT ON later`, new RegExp(`GRANT SELECT ON "public"."later" TO "${role}";`)],
    ] as const;
    for (const [right, named] of grants) {
      await bed.sql.exec(`REVOKE ${right} FROM ${role}`);
      for (const command of ["check", "run"]) {
        const { code, line } = await end(env, [command]);
        strictEqual(code, 3, `${command} without ${right}: ${line}`);
        match(line, named, `${command} without ${right}`);
      }
      await bed.sql.exec(`GRANT ${right} TO ${role}`);
      // What was sent is not sent again.
      await assertWorks(env, ["teardown", "--progress", "--yes"]);
    }
    await assertWorks(env, ["check"]);
    await assertWorks(env, ["run"]);
  } finally {
    await cleanUp(bed, names);
  }
});

/** A database with a table of somebody's, and nothing that everybody may do. */
async function prepare(bed: TestBed): Promise<Names> {
  const id = crypto.randomUUID().slice(0, 8);
  const [role, owner] = [`capture_${id}`, `owner_${id}`];
  const { database } = bed.postgres;
  await bed.sql.exec(
    `REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE ROLE ${owner}; GRANT ALL ON SCHEMA public TO ${owner};
     CREATE TABLE item (id int PRIMARY KEY); ALTER TABLE item OWNER TO ${owner}`,
  );
  return {
    role,
    owner,
    env: { ...bed.env, PG_USERNAME: role, PG_PASSWORD: "change-me" },
    sql: (text = "") =>
      text.replace(/\breplicator\b/g, role).replace(/\bshop_owner\b/g, owner).replace(/\bshop\b/g, database)
        .replace(/\bpg_replicate_kafka_pub\b/g, bed.publication),
  };
}

async function cleanUp(bed: TestBed, { role, owner }: Names): Promise<void> {
  const { database } = bed.postgres;
  await bed.sql.rows(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1",
    [role],
  );
  await bed.sql.exec(
    `DROP OWNED BY ${role}; GRANT CONNECT ON DATABASE ${database} TO PUBLIC; DROP ROLE ${role}; DROP OWNED BY ${owner};
     DROP ROLE ${owner}`,
  );
}

let rows = 0;

async function assertCaptures(bed: TestBed, env: Readonly<Record<string, string>>): Promise<void> {
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec(`INSERT INTO item VALUES (${++rows})`);
  await waitUntilConfirmed(bed, capture);
  ok(await assertDelivered(bed, ["public.item"]) > 0);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
}

async function assertWorks(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<void> {
  const { code, line } = await end(env, args);
  strictEqual(code, 0, `${args.join(" ")}: ${line}`);
}

/** The exit code, and what it printed of failures. */
async function end(env: Readonly<Record<string, string>>, args: readonly string[]) {
  await using command = await startCapture({ env, args });
  const { code } = await command.waitForExit();
  const printed = [...command.log, ...command.stdout.split("\n")];
  return { code, line: printed.filter((line) => !/ info /.test(line)).join(" ") };
}
