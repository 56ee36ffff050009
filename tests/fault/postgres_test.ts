// What PostgreSQL does to a capture: crashes, shutdowns, cut sessions, long and odd transactions.

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { readTopics } from "../support/consumer.ts";
import {
  assertExactlyOnce,
  createFaultBed,
  type FaultBed,
  startStreaming,
  waitForCommits,
} from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { KafkaApi } from "../support/proxy.ts";
import { sql } from "../../dev/servers/psql.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

quickTest(
  "PostgreSQL crashes after a confirmation: old changes come again, and are not repeated",
  async () => {
    await using bed = await createFaultBed({ postgres: {} });
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 2, 41).start();
    for (let round = 0; round < 2; round++) {
      await waitForCommits(bed, capture, 4);
      await delay(700);
      if (round === 1) await bed.postgresServer.kill();
      else await bed.postgresServer.stop("immediate");
      await bed.postgresServer.start();
    }
    await waitForCommits(bed, capture);
    await assertExactlyOnce(bed, capture, writers);
  },
);

quickTest("a fast shutdown is over within 5 s, idle and while it streams, and capture goes on", async () => {
  await using bed = await createFaultBed({ postgres: {} });
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO account VALUES (9999999, 'idle', 0)");
  await waitForCommits(bed, capture, 1);
  await using writers = new Writers(bed.postgres, 2, 42);
  for (const isIdle of [true, false, false]) {
    if (!isIdle) {
      writers.start();
      await waitForCommits(bed, capture, 3);
    }
    const started = performance.now();
    await bed.postgresServer.stop("fast");
    const tookMs = performance.now() - started;
    ok(tookMs < 5_000, `${isIdle ? "idle" : "streaming"}: ${tookMs} ms`);
    await bed.postgresServer.start();
    if (isIdle) await bed.sql.exec("INSERT INTO account VALUES (9999998, 'idle', 0)");
    await waitForCommits(bed, capture, 1);
  }
  await assertExactlyOnce(bed, capture, writers);
});

quickTest(
  "a fast shutdown is over within 5 s while Kafka is away or silent, too, and nothing is lost",
  async () => {
    await using bed = await createFaultBed({ postgres: {} });
    await using capture = await startStreaming(bed);
    for (const fault of ["refuse", "stall"] as const) {
      await bed.sql.exec(`INSERT INTO entry (account, note) VALUES (1, 'before ${fault}')`);
      await waitUntilConfirmed(bed, capture);
      await bed.toKafka[fault]();
      if (fault === "refuse") bed.toKafka.reset();
      await bed.sql.exec(`INSERT INTO entry (account, note) VALUES (2, 'after ${fault}')`);
      await delay(1_000);
      const started = performance.now();
      await bed.postgresServer.stop("fast");
      const tookMs = performance.now() - started;
      ok(tookMs < 5_000, `${fault}: ${tookMs} ms\n${capture.log.slice(-8).join("\n")}`);
      await bed.postgresServer.start();
      bed.toKafka.heal();
      await bed.toKafka.accept();
    }
    await assertExactlyOnce(bed, capture);
  },
);

quickTest("its sessions are terminated in a loop, and capture goes on", async () => {
  await using bed = await createFaultBed();
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 43).start();
  for (let round = 0; round < 12; round++) {
    await bed.sql.rows(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'pg-capture'`,
    );
    await delay(250);
  }
  await waitForCommits(bed, capture);
  await assertExactlyOnce(bed, capture, writers);
});

quickTest("long and short transactions interleave, and a kill comes between them", async () => {
  await using bed = await createFaultBed();
  await using writers = new Writers(bed.postgres, 2, 44);
  await using long = await sql(bed.postgres);
  {
    await using capture = await startStreaming(bed);
    await long.exec(
      "BEGIN; INSERT INTO entry (account, note) SELECT g, 'long' FROM generate_series(1, 3000) g",
    );
    writers.start();
    await waitForCommits(bed, capture, 4);
    await capture.kill();
  }
  await using capture = await startStreaming(bed);
  await waitForCommits(bed, capture);
  await long.exec("INSERT INTO entry (account, note) VALUES (0, 'last'); COMMIT");
  await waitForCommits(bed, capture);
  await assertExactlyOnce(bed, capture, writers);
});

quickTest("statements of many rows are killed half way through, and come whole and once", async () => {
  await using bed = await createFaultBed();
  await bed.sql.exec("SET application_name = 'writer'");
  for (const nth of [1, 3]) {
    await using capture = await startStreaming(bed);
    const held = bed.toKafka.intercept({ api: KafkaApi.Produce, side: "response", nth, action: "hold" });
    await bed.sql.exec(
      `BEGIN; INSERT INTO entry (account, note) SELECT g, 'many' FROM generate_series(1, 8000) g;
      UPDATE entry SET amount = ${nth}; COMMIT`,
    );
    await held.caught;
    await capture.kill();
    held.release();
  }
  await using capture = await startStreaming(bed);
  await assertExactlyOnce(bed, capture);
});

quickTest(
  "a COPY is delivered whole and once through kills, and not at all when it was cut off half way",
  async () => {
    await using bed = await createFaultBed();
    const copy = "COPY entry (account, note) FROM PROGRAM";
    const lines = `awk ''BEGIN { for (n = 0; n < 8000; n++) print n "\t" "copied" }''`;
    {
      await using capture = await startStreaming(bed);
      const held = bed.toKafka.intercept({
        api: KafkaApi.Produce,
        side: "response",
        nth: 2,
        action: "hold",
      });
      await bed.sql.exec(`${copy} '${lines}'`);
      await held.caught;
      await capture.kill();
      held.release();
    }
    await using capture = await startStreaming(bed);
    await using copying = await sql(bed.postgres);
    const pid = await copying.value("SELECT pg_backend_pid()");
    const cut = rejects(copying.exec("COPY entry (account) FROM PROGRAM 'yes 7'"));
    await delay(300);
    await bed.sql.rows("SELECT pg_terminate_backend($1)", [pid]);
    await cut;
    await assertExactlyOnce(bed, capture);
  },
);

quickTest(
  "two commit records that touch, with a kill after the first is confirmed: the second comes",
  async () => {
    await using bed = await createFaultBed();
    let touching = 0;
    for (let pair = 0; pair < 3; pair++) {
      const prepare = (half: number) =>
        bed.sql.exec(
          `BEGIN; INSERT INTO account VALUES (${
            pair * 10 + half
          }, 'half', 0); PREPARE TRANSACTION 'p${pair}_${half}'`,
        );
      await using capture = await startStreaming(bed);
      await prepare(1);
      await prepare(2);
      await bed.sql.exec(`COMMIT PREPARED 'p${pair}_1'`);
      const end = await bed.sql.value("SELECT pg_current_wal_insert_lsn()");
      await waitUntilConfirmed(bed, capture);
      await capture.kill();
      const start = await bed.sql.value("SELECT pg_current_wal_insert_lsn()");
      await bed.sql.exec(`COMMIT PREPARED 'p${pair}_2'`);
      // A checkpoint or a snapshot of the running transactions may come between; in one of three pairs at most.
      touching += start === end ? 1 : 0;
    }
    ok(touching > 0, "no two records touch: this tested nothing");
    await using capture = await startStreaming(bed);
    await assertExactlyOnce(bed, capture);
  },
);

quickTest("empty, rolled-back, prepared and savepoint transactions give what they committed", async () => {
  await using bed = await createFaultBed();
  await bed.sql.exec("CREATE TABLE bystander (id int)");
  await using capture = await startStreaming(bed, { PG_MESSAGES: "*" });
  for (
    const text of [
      "BEGIN; COMMIT",
      "BEGIN; INSERT INTO account VALUES (1, 'rolled back', 0); ROLLBACK",
      "BEGIN; INSERT INTO account VALUES (2, 'prepared', 0); PREPARE TRANSACTION 'kept'",
      "BEGIN; INSERT INTO account VALUES (3, 'prepared', 0); PREPARE TRANSACTION 'gone'",
      "INSERT INTO account VALUES (4, 'between', 0)",
      "COMMIT PREPARED 'kept'",
      "ROLLBACK PREPARED 'gone'",
      `BEGIN; INSERT INTO account VALUES (5, 'before', 0); SAVEPOINT a; INSERT INTO account VALUES (6, 'undone', 0);
        ROLLBACK TO a; SAVEPOINT b; INSERT INTO account VALUES (7, 'kept', 0); RELEASE b; COMMIT`,
      "BEGIN; CREATE TABLE fresh (id int PRIMARY KEY); DROP TABLE fresh; COMMIT",
      "SELECT pg_logical_emit_message(true, 'other', 'text')",
    ]
  ) await bed.sql.exec(text);
  await assertExactlyOnce(bed, capture);
});

quickTest("a table joins and leaves the publication where the WAL says so, in mid-stream", async () => {
  await using bed = await createFaultBed({ publish: false });
  await bed.sql.exec(`CREATE PUBLICATION ${bed.publication} FOR TABLE account`);
  await using capture = await startStreaming(bed);
  const add = (note: string) => bed.sql.exec(`INSERT INTO entry (account, note) VALUES (1, '${note}')`);
  await add("before");
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} ADD TABLE entry`);
  await add("while");
  await bed.sql.exec(`ALTER PUBLICATION ${bed.publication} DROP TABLE entry`);
  await add("after");
  await bed.sql.exec("INSERT INTO account VALUES (1, 'last', 0)");
  await waitUntilConfirmed(bed, capture);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  const notes = records.filter(({ topic }) => topic.endsWith(".entry"))
    .map(({ value }) => JSON.parse(value ?? "null").after.note);
  deepStrictEqual(notes, ["while"]);
});

quickTest("a new slot waits for a transaction that is open, and says so", async () => {
  await using bed = await createFaultBed();
  await using old = await sql(bed.postgres);
  await old.exec("BEGIN; CREATE TABLE holds_an_id (id int)");
  const starting = startStreaming(bed);
  await delay(4_000);
  await old.exec("COMMIT");
  await using capture = await starting;
  await capture.waitForLog("is waiting for open transactions");
  await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
  await assertExactlyOnce(bed, capture);
});

quickTest("while only tables that are not published are busy, the slot follows the WAL", async () => {
  await using bed = await createFaultBed({ publish: false });
  await bed.sql.exec(`CREATE TABLE busy (id int); CREATE PUBLICATION ${bed.publication} FOR TABLE account`);
  await using capture = await startStreaming(bed, { REPLICATION_CHECKPOINT_INTERVAL_SECS: "1" });
  for (let round = 0; round < 2; round++) {
    await bed.sql.exec("INSERT INTO busy SELECT g FROM generate_series(1, 50000) g");
    await waitUntilConfirmed(bed, capture, 20_000);
  }
  await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
  await assertExactlyOnce(bed, capture);
});

slowTest(
  "a transaction of 1,000,000 rows passes a slow sink under a wal_sender_timeout of 6 s, at once",
  async () => {
    await using bed = await createFaultBed();
    await setWalSenderTimeout(bed, "6s");
    await using capture = await startStreaming(bed);
    bed.toKafka.set({ bytesPerSecond: 1_500_000 }, "to-server");
    await bed.sql.exec("INSERT INTO account SELECT g, md5(g::text), g FROM generate_series(1, 1000000) g");
    await waitForCommits(bed, capture, 10);
    await waitUntilConfirmed(bed, capture, 240_000);
    strictEqual(
      capture.log.filter((line) => line.includes("Streaming")).length,
      1,
      "it began more than once",
    );
    bed.toKafka.heal();
    await assertExactlyOnce(bed, capture);
  },
);

slowTest(
  "both servers are bounced in the middle of a transaction of 1,000,000 rows, and it comes whole and once",
  async () => {
    await using bed = await createFaultBed({ postgres: {}, kafka: {} });
    await using capture = await startStreaming(bed);
    await bed.sql.exec("INSERT INTO account SELECT g, 'owner', g FROM generate_series(1, 1000000) g");
    await waitForCommits(bed, capture, 5);
    await bed.kafkaServer.kill();
    await bed.kafkaServer.start();
    await waitForCommits(bed, capture, 5);
    await bed.postgresServer.stop("immediate");
    await bed.postgresServer.start();
    await waitForCommits(bed, capture, 5);
    await assertExactlyOnce(bed, capture, undefined, 180_000);
  },
);

/** For the sessions of this database that begin from now on. */
async function setWalSenderTimeout(bed: FaultBed, value: string): Promise<void> {
  await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET wal_sender_timeout = '${value}'`);
}
