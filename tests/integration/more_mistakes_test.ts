// More mistakes made on purpose: servers and slots taken for others, and settings that fit no cluster.

import { match, ok } from "node:assert";
import { startKafka } from "../../dev/servers/kafka.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { startCapture } from "../support/capture.ts";
import { assertFirstLine, awaited, type Mistake, PLAIN_ENV, refused, usage } from "../support/first_line.ts";
import { sql } from "../../dev/servers/psql.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const CONFIGURATION: Readonly<Record<string, Mistake>> = {
  "a connection string for a host": usage(
    { PG_HOST: "postgres://u:planted-pa55@h/d" },
    /^PG_HOST .*connection string; write only the host/,
  ),
  "a host with its port": usage({ PG_HOST: "h:5432" }, /^PG_HOST .*contains a port; write only the host/),
  "a broker as a web address": usage({ KAFKA_BROKERS: "http://h:9092" }, /^KAFKA_BROKERS .*write host:port/),
  "no partition": usage({ KAFKA_TOPIC_PARTITIONS: "0" }, /^KAFKA_TOPIC_PARTITIONS .*write .* from 1/),
  "a folder for a configuration file": {
    args: ["-c", "/"],
    code: 2,
    line: /^-c, --config: \/ is a directory; write/,
  },
};

for (const [what, mistake] of Object.entries(CONFIGURATION)) {
  Deno.test(`the first line fixes: ${what}`, () => assertFirstLine(PLAIN_ENV, mistake));
}

/** A TOML file's text, and the first line. */
const FILES: Readonly<Record<string, readonly [string, RegExp]>> = {
  "a number for a list of brokers": [
    "[kafka]\nbrokers = 5",
    /^\[kafka\] brokers \(.* line 2\): .*write a string/,
  ],
  "words for a port": ['[pg]\nport = "abc"', /^\[pg\] port \(.* line 2\): .*write a whole number/],
  "truth for a time": [
    "[kafka]\nlinger_ms = true",
    /^\[kafka\] linger_ms \(.* line 2\): .*whole number .*milli/,
  ],
  "a bracket forgotten": ["[pg\nport = 1", /line 1: invalid TOML: .*fix column/],
};

for (const [what, [text, line]] of Object.entries(FILES)) {
  Deno.test(`the first line fixes: ${what} in the TOML file`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".toml" });
    await Deno.writeTextFile(file, text);
    try {
      await assertFirstLine(PLAIN_ENV, { args: ["-c", file], code: 2, line });
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("the first line fixes: Kafka's port for PostgreSQL's", async () => {
  await using bed = await createTestBed();
  const port = bed.brokers.split(":")[1]!;
  // A broker waits for the rest of what it takes for a request.
  await assertFirstLine(
    bed.env,
    awaited({ PG_PORT: port }, /PostgreSQL has not answered for 5 s.*PG_HOST and PG_PORT/),
  );
});

Deno.test("the first line fixes: PostgreSQL's port for Kafka's", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const line = /Cannot read a response from Kafka: it is from PostgreSQL, not Kafka .*correct KAFKA_BROKERS/;
  await assertFirstLine(bed.env, awaited({ KAFKA_BROKERS: `127.0.0.1:${bed.postgres.port}` }, line));
});

Deno.test("the first line fixes: brokers that advertise an address that can't be reached", async () => {
  await using kafka = await startKafka();
  await kafka.stop();
  kafka.configure({ "advertised.listeners": `PLAINTEXT://127.0.0.1:${freePort()}` });
  await kafka.start();
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const env = { KAFKA_BROKERS: kafka.bootstrap };
  await assertFirstLine(
    bed.env,
    awaited(env, /connection refused.* fix: the cluster names this address: .*advertised/),
  );
  match(
    await checked(bed, env),
    /FAILURE +Kafka: broker .*\n +fix: make that address reachable .*advertised/,
  );
});

Deno.test("the first line fixes: a standby that can't decode", async () => {
  await using postgres = await startPostgres({ major: 15 });
  await using bed = await createTestBed({ servers: { postgres, brokers: "127.0.0.1:1" } });
  await postgres.stop();
  await Deno.writeTextFile(`${postgres.dataDir}/standby.signal`, "");
  await postgres.start();
  await assertFirstLine(bed.env, awaited({}, /the server is a standby .*fix: point PG_HOST at the primary/));
  match(await checked(bed), /FAILURE +PostgreSQL: primary: the server is a standby\n +fix: point PG_HOST/);
});

Deno.test("the first line fixes: a publication without tables, and one that leaves operations out", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec(`CREATE TABLE item (id int PRIMARY KEY); CREATE PUBLICATION "${bed.publication}"`);
  const add = new RegExp(`has no table.*fix: ALTER PUBLICATION \\S*${bed.publication}\\S* ADD TABLE`);
  await assertFirstLine(bed.env, awaited({}, add));
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} ADD TABLE item`);
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} SET (publish = 'insert')`);
  const set =
    /leaves out update, delete, truncate: these are not captured fix: ALTER PUBLICATION .*SET \(publish/;
  await assertFirstLine(bed.env, awaited({}, set));
  match(
    await checked(bed),
    /warning +PostgreSQL: publication: .*leaves out update.*\n +fix: ALTER PUBLICATION/,
  );
});

Deno.test("the first line fixes: more replicas than brokers", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const env = { KAFKA_TOPIC_REPLICATION_FACTOR: "3" };
  await assertFirstLine(
    bed.env,
    refused(env, /INVALID_REPLICATION_FACTOR fix: set KAFKA_TOPIC_REPLICATION_FACTOR/),
  );
  match(
    await checked(bed, env),
    /FAILURE +Kafka: new topics: .*\n +fix: set KAFKA_TOPIC_REPLICATION_FACTOR to at most 1/,
  );
});

Deno.test("the first line fixes: brokers that take no transaction as long as ours", async () => {
  await using kafka = await startKafka({ properties: { "transaction.max.timeout.ms": 30_000 } });
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const env = { KAFKA_BROKERS: kafka.bootstrap };
  await assertFirstLine(bed.env, refused(env, /fix: set transaction\.max\.timeout\.ms .* to 60000 or more/));
  match(
    await checked(bed, env),
    /FAILURE +Kafka: transactions: .* 30000.*\n +fix: set transaction\.max\.timeout\.ms=60000/,
  );
});

Deno.test("the first line fixes: two tables whose topics Kafka can't tell apart", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(
    "CREATE SCHEMA a_b; CREATE SCHEMA a; CREATE TABLE a_b.c (id int); CREATE TABLE a.b_c (id int)",
  );
  await assertFirstLine(
    bed.env,
    { code: 3, line: /Cannot send table .*a_b.* fix: give the table another topic in the TOML file/ },
    [
      /no replica identity/,
    ],
  );
});

Deno.test("the first line fixes: a physical slot, and a temporary one of another session", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await bed.sql.exec(`SELECT pg_create_physical_replication_slot('${bed.slot}')`);
  await assertFirstLine(
    bed.env,
    refused({}, /it is a physical slot fix: set PG_SLOT_NAME to a name that is free/),
  );
  await bed.sql.exec(`SELECT pg_drop_replication_slot('${bed.slot}')`);
  await using other = await sql(bed.postgres);
  await other.exec(`SELECT pg_create_logical_replication_slot('${bed.slot}', 'pgoutput', true)`);
  await using capture = await startCapture({ env: bed.env });
  const line = await capture.waitForLog("Waiting for the slot");
  match(line, /another instance is using it .*process=\d+/);
});

Deno.test("the first line fixes: a role that may not log in", async () => {
  await using bed = await createTestBed();
  const role = `nologin_${crypto.randomUUID().slice(0, 8)}`;
  await bed.sql.exec(`CREATE ROLE ${role} PASSWORD 'x'`);
  try {
    await assertFirstLine(
      bed.env,
      refused(
        { PG_USERNAME: role, PG_PASSWORD: "x" },
        /not permitted to log in fix: ALTER ROLE "nologin_\w+" LOGIN;/,
      ),
    );
  } finally {
    await bed.sql.exec(`DROP ROLE ${role}`);
  }
});

/** What `check` prints. */
async function checked(bed: TestBed, env: Readonly<Record<string, string>> = {}): Promise<string> {
  await using capture = await startCapture({ env: { ...bed.env, ...env }, args: ["check"] });
  await capture.waitForExit(60_000);
  ok(!capture.stdout.includes(bed.postgres.password) || bed.postgres.password === bed.postgres.user);
  return capture.stdout;
}
