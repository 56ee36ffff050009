// The main job on real servers: changes flow, once each, through restarts, kills and a second instance.

import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { sql } from "../../dev/servers/psql.ts";
import { createTestBed } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

Deno.test("the changes of a table become messages with every field of the specification", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(
    `CREATE TABLE users (id serial PRIMARY KEY, name text, email text, created_at timestamp)`,
  );
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  const before = Date.now();
  await bed.sql.exec(
    `INSERT INTO users (name, email, created_at) VALUES ('John Doe', 'john@example.com', '2023-10-15 10:30:00')`,
  );
  await bed.sql.exec(`UPDATE users SET name = 'Jane' WHERE id = 1`);
  await bed.sql.exec(`DELETE FROM users WHERE id = 1`);
  const topic = `${bed.topicPrefix}.public.users`;
  const records = await readTopics({ brokers: bed.brokers, topics: [topic], untilCount: 3 });
  const after = Date.now();
  deepStrictEqual(records.map(({ key }) => key), ['{"id":1}', '{"id":1}', '{"id":1}']);
  const values = records.map(({ value }) => JSON.parse(value!));
  const row = { id: 1, name: "John Doe", email: "john@example.com", created_at: "2023-10-15T10:30:00" };
  deepStrictEqual(values.map(({ op, before, after }) => ({ op, before, after })), [
    { op: "INSERT", before: null, after: row },
    { op: "UPDATE", before: null, after: { ...row, name: "Jane" } },
    { op: "DELETE", before: { id: 1 }, after: null },
  ]);
  for (const { schema, table, ts_ms, source } of values) {
    deepStrictEqual([schema, table, source.schema, source.table], ["public", "users", "public", "users"]);
    deepStrictEqual([source.version, source.connector, source.db], [
      "0.1.0",
      "pg-capture",
      bed.postgres.database,
    ]);
    strictEqual(source.ts_ms >= before - 1 && source.ts_ms <= ts_ms && ts_ms <= after, true);
    strictEqual(
      /^[0-9A-F]+\/[0-9A-F]+$/.test(source.lsn) && /^[0-9A-F]+\/[0-9A-F]+$/.test(source.commit_lsn),
      true,
    );
    strictEqual(Number.isInteger(source.xid) && Number.isSafeInteger(source.tx_seq), true);
  }
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  strictEqual(
    await bed.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active", [
      bed.slot,
    ]),
    "1",
  );
});

Deno.test("what is written while it is down comes after a restart, and nothing twice", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  for (let round = 0; round < 3; round++) {
    await using capture = await startCapture({ env: bed.env });
    await capture.waitForLog("Streaming");
    await using writers = new Writers(bed.postgres, 2, round * 10).start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
    await writers.stop();
  }
  await using capture = await startCapture({ env: bed.env });
  await waitUntilConfirmed(bed, capture);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

Deno.test("killed again and again while it streams, it loses nothing and repeats nothing", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  await using writers = new Writers(bed.postgres, 3, 1);
  for (let round = 0; round < 5; round++) {
    await using capture = await startCapture({ env: bed.env });
    await capture.waitForLog("Streaming");
    writers.start();
    await new Promise((resolve) => setTimeout(resolve, 150 + 130 * round));
    await capture.kill();
  }
  await using capture = await startCapture({ env: bed.env });
  await writers.stop();
  await waitUntilConfirmed(bed, capture);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

Deno.test("a second instance waits for the slot, and takes over when the first is killed", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  await using first = await startCapture({ env: bed.env });
  await first.waitForLog("Streaming");
  await using writers = new Writers(bed.postgres, 2, 5).start();
  await using second = await startCapture({
    env: { ...bed.env, REPLICATION_CHECKPOINT_FILE: `${bed.folder}/second` },
  });
  await second.waitForLog("Waiting for the slot");
  await first.kill();
  await second.waitForLog("Streaming", { timeoutMs: 10_000 });
  await writers.stop();
  await waitUntilConfirmed(bed, second);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

Deno.test("a lost checkpoint file costs nothing: the progress record in Kafka is the truth", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  await using first = await startCapture({ env: bed.env });
  await first.waitForLog("Streaming");
  await using writers = new Writers(bed.postgres, 2, 9).start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await first.kill();
  for await (const entry of Deno.readDir(bed.folder)) {
    if (entry.name.startsWith("checkpoint")) await Deno.remove(`${bed.folder}/${entry.name}`);
  }
  await using second = await startCapture({ env: bed.env });
  await second.waitForLog("No checkpoint file was found");
  await writers.stop();
  await waitUntilConfirmed(bed, second);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

Deno.test("at-least-once delivers everything too, without a transaction", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  await using capture = await startCapture({ env: { ...bed.env, KAFKA_DELIVERY: "at-least-once" } });
  await capture.waitForLog("Streaming");
  await using writers = new Writers(bed.postgres, 2, 11).start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await writers.stop();
  await waitUntilConfirmed(bed, capture);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

Deno.test("a slot that waits for an older transaction says so, and for whom", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE t (id int PRIMARY KEY)");
  await using older = await sql(bed.postgres);
  await older.exec("BEGIN; INSERT INTO t VALUES (1)");
  const pid = await older.value("SELECT pg_backend_pid()");
  await using capture = await startCapture({ env: bed.env });
  const line = await capture.waitForLog("has to wait for an older transaction", { timeoutMs: 20_000 });
  match(line, new RegExp(`process=${pid} .*pg_terminate_backend\\(${pid}\\)`));
  await older.exec("COMMIT");
  await capture.waitForLog("Streaming");
});

Deno.test("settings come from a TOML file, the environment wins, and a secret from a file of its own", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await bed.sql.exec("CREATE TABLE t (id int PRIMARY KEY)");
  const { PG_PASSWORD, PG_HOST, PG_PORT, KAFKA_BROKERS, KAFKA_TOPIC_PREFIX, ...env } = bed.env;
  await Deno.writeTextFile(`${bed.folder}/password`, `${PG_PASSWORD}\n`);
  await Deno.writeTextFile(
    `${bed.folder}/pg-capture.toml`,
    `[pg]\nhost = "${PG_HOST}"\nport = ${PG_PORT}\nslot_name = "overruled"\n` +
      `[kafka]\nbrokers = ["${KAFKA_BROKERS}"]\ntopic_prefix = "${KAFKA_TOPIC_PREFIX}"\n`,
  );
  await using capture = await startCapture({
    env: { ...env, PG_PASSWORD_FILE: `${bed.folder}/password` },
    args: ["-c", `${bed.folder}/pg-capture.toml`, "--json-logs", "run"],
  });
  const line = await capture.waitForLog('"Streaming"');
  strictEqual(JSON.parse(line).level, "info");
  await bed.sql.exec("INSERT INTO t VALUES (1)");
  await waitUntilConfirmed(bed, capture);
  strictEqual(await assertDelivered(bed, ["public.t"]), 1);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
});

Deno.test("a server that is away is awaited, at start too", async () => {
  await using bed = await createTestBed();
  await using capture = await startCapture({ env: { ...bed.env, PG_PORT: "1" } });
  await capture.waitForLog(/warn .*Cannot connect to PostgreSQL.*connection refused.*retry_in_ms/);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  await using withoutKafka = await startCapture({ env: { ...bed.env, KAFKA_BROKERS: "127.0.0.1:1" } });
  await withoutKafka.waitForLog(/warn .*Kafka.*127\.0\.0\.1:1.*retry_in_ms/);
  deepStrictEqual(await withoutKafka.terminate(), { code: 0, signal: null });
});

Deno.test("a server that answers no ends it with exit code 3, one clear line, and no secret", async () => {
  await using bed = await createTestBed();
  const wrong: readonly [Record<string, string>, RegExp][] = [
    [{ PG_PASSWORD: "planted-wrong-password" }, /password authentication failed/],
    [{ PG_DATABASE: "nowhere" }, /database "nowhere" does not exist/],
    [{ PG_PUBLICATION: "nowhere" }, /publication "nowhere" does not exist.*CREATE PUBLICATION "nowhere"/],
  ];
  for (const [env, expected] of wrong) {
    await using capture = await startCapture({ env: { ...bed.env, ...env } });
    strictEqual((await capture.waitForExit()).code, 3);
    const errors = capture.log.filter((line) => / error /.test(line));
    strictEqual(errors.length, 1, errors.join("\n"));
    match(errors[0]!, expected);
    strictEqual(capture.log.some((line) => line.includes("planted-wrong-password")), false);
  }
  strictEqual(
    await bed.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [bed.slot]),
    "0",
  );
});
