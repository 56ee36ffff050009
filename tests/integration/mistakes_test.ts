// Thirty mistakes made on purpose: the first line that is printed has to say what is wrong and what to do.

import { startPostgres } from "../../dev/servers/postgres.ts";
import { assertFirstLine, awaited, type Mistake, PLAIN_ENV, refused, usage } from "../support/first_line.ts";
import { sql } from "../../dev/servers/psql.ts";
import { createTestBed, sharedServers, type TestBed } from "../support/servers.ts";

const CONFIGURATION: Readonly<Record<string, Mistake>> = {
  "no database": usage(
    { PG_DATABASE: "" },
    /^PG_DATABASE: not set; set it in the environment, or database under \[pg\]/,
  ),
  "the database under psql's name": usage(
    { PG_DATABASE: "", PGDATABASE: "x" },
    /^PG_DATABASE: not set \(PGDATABASE is set, but/,
  ),
  "a port in words": usage(
    { PG_PORT: "five" },
    /^PG_PORT .*"five" is not a whole number; write a whole number from 1 to 65535/,
  ),
  "a port out of range": usage({ PG_PORT: "70000" }, /^PG_PORT .*too large; write .* 65535/),
  "capitals in the slot's name": usage({ PG_SLOT_NAME: "My-Slot" }, /^PG_SLOT_NAME .*such as my_slot/),
  "a slot's name too long": usage({ PG_SLOT_NAME: "a".repeat(64) }, /^PG_SLOT_NAME .*longer than 63/),
  "a table without its schema": usage({ PG_TABLES: "users" }, /^PG_TABLES .*write schema\.table/),
  "a space in the prefix": usage({ KAFKA_TOPIC_PREFIX: "my topic" }, /^KAFKA_TOPIC_PREFIX .*write letters/),
  "a broker as a URL": usage({ KAFKA_BROKERS: "kafka://h:9092" }, /^KAFKA_BROKERS .*write host:port/),
  "a codec misspelt": usage(
    { KAFKA_COMPRESSION: "snapy" },
    /^KAFKA_COMPRESSION .*write none, gzip, snappy, lz4 or zstd/,
  ),
  "a buffer too small": usage(
    { KAFKA_BUFFER_MEMORY: "65536" },
    /^KAFKA_BUFFER_MEMORY .*write at least 2097152/,
  ),
  "a truth value misspelt": usage({ PG_SLOT_FAILOVER: "maybe" }, /^PG_SLOT_FAILOVER .*write true or false/),
  "a variable misspelt": usage({ PG_DATABSE: "x", PG_DATABASE: "" }, /^PG_DATABSE .*PG_DATABASE/),
  "a password's file that is not there": usage(
    { PG_PASSWORD: "", PG_PASSWORD_FILE: "/none/password" },
    /^PG_PASSWORD_FILE .*\/none\/password does not exist/,
  ),
  "a configuration file that is not there": {
    args: ["-c", "/none/file.toml"],
    code: 2,
    line: /^-c, --config: \/none\/file\.toml does not exist/,
  },
  "a command misspelt": { args: ["chekc"], code: 2, line: /^Unknown command "chekc"; did you mean check\?/ },
  "an option misspelt": { args: ["--jsonlogs"], code: 2, line: /did you mean --json-logs\?/ },
  "an option of another command": { args: ["run", "--yes"], code: 2, line: /^--yes is not an option of run/ },
  "an address of another machine for the metrics": usage(
    { METRICS_HOST: "203.0.113.9", METRICS_PORT: "9999" },
    /Cannot serve metrics on 203\.0\.113\.9:9999.*set METRICS_HOST to an address of this machine/,
  ),
};

const SERVERS: Readonly<Record<string, Mistake>> = {
  "a wrong password": refused(
    { PG_PASSWORD: "wrong-pa55" },
    /password authentication failed.*check PG_USERNAME, PG_PASSWORD/,
  ),
  "an unknown role": refused({ PG_USERNAME: "nobody_x" }, /"nobody_x".*check PG_USERNAME/),
  "an unknown database": refused(
    { PG_DATABASE: "none_x" },
    /database "none_x" does not exist fix: check PG_DATABASE/,
  ),
  "an unknown publication": refused(
    { PG_PUBLICATION: "none_x" },
    /"none_x" does not exist fix: CREATE PUBLICATION "none_x"/,
  ),
  "tables for a publication of all": refused(
    { PG_TABLES: "public.item" },
    /it is for all tables fix: unset PG_TABLES/,
  ),
};

const AWAITED: Readonly<Record<string, Mistake>> = {
  "PostgreSQL's port is closed": awaited(
    { PG_PORT: "1" },
    /:1: connection refused .*correct PG_HOST and PG_PORT/,
  ),
  "no such socket": awaited({ PG_HOST: "/none" }, /no such socket .*correct PG_HOST and PG_PORT/),
  "Kafka's port is closed": awaited(
    { KAFKA_BROKERS: "127.0.0.1:1" },
    /Kafka broker 127\.0\.0\.1:1: connection refused .*correct KAFKA_BROKERS/,
  ),
};

for (const [what, mistake] of Object.entries(CONFIGURATION)) {
  Deno.test(`the first line fixes: ${what}`, () => assertFirstLine(PLAIN_ENV, mistake));
}

for (const [what, mistake] of Object.entries({ ...SERVERS, ...AWAITED })) {
  Deno.test(`the first line fixes: ${what}`, async () => {
    await using bed = await createTestBed();
    await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
    await assertFirstLine(bed.env, mistake);
  });
}

Deno.test("the first line fixes: a role without REPLICATION", async () => {
  await using bed = await createTestBed();
  const role = `weak_${crypto.randomUUID().slice(0, 8)}`;
  await bed.sql.exec(`CREATE ROLE ${role} LOGIN PASSWORD 'weak-pa55'`);
  try {
    await assertFirstLine(bed.env, {
      env: { PG_USERNAME: role, PG_PASSWORD: "weak-pa55" },
      code: 3,
      line: new RegExp(`fix: ALTER ROLE "${role}" REPLICATION;`),
    });
  } finally {
    await bed.sql.exec(`DROP ROLE ${role}`);
  }
});

Deno.test("the first line fixes: a slot of another plugin, and one of another database", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const make = (plugin: string) => `SELECT pg_create_logical_replication_slot('${bed.slot}', '${plugin}')`;
  const drop = `SELECT pg_drop_replication_slot('${bed.slot}')`;
  await bed.sql.exec(make("test_decoding")).catch(() =>
    bed.sql.exec(
      `SELECT pg_create_physical_replication_slot('${bed.slot}')`,
    )
  );
  const line = /its plugin is test_decoding|it is a physical slot.*set PG_SLOT_NAME to a name that is free/;
  await assertFirstLine(bed.env, { code: 3, line });
  await bed.sql.exec(drop);
  await using other = await createTestBed();
  await otherSlot(other, bed.slot);
  await assertFirstLine(bed.env, {
    code: 3,
    line: /it belongs to database.*set PG_SLOT_NAME to a name that is free/,
  });
  await bed.sql.exec(drop);
});

Deno.test("the first line fixes: wal_level, and no free slot", async () => {
  await using postgres = await startPostgres({
    settings: { wal_level: "replica", max_replication_slots: "1" },
  });
  const servers = { postgres, brokers: "127.0.0.1:1" };
  await using bed = await createTestBed({ servers });
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await assertFirstLine(bed.env, {
    code: 3,
    line: /wal_level is replica.*fix: ALTER SYSTEM SET wal_level = logical;/,
  });
  await postgres.configure({ wal_level: "logical" });
  await postgres.stop();
  await postgres.start();
  await using connection = await sql(bed.postgres);
  await connection.exec("SELECT pg_create_physical_replication_slot('taken')");
  const { brokers } = await sharedServers();
  await assertFirstLine({ ...bed.env, KAFKA_BROKERS: brokers }, {
    code: 3,
    line: /all replication slots are in use.*fix: raise max_replication_slots/,
  });
});

async function otherSlot(bed: TestBed, slot: string): Promise<void> {
  await using connection = await sql(bed.postgres);
  await connection.exec(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
}
