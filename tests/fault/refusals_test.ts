// Each case in which it must not go on: exit code 3, one clear line with its fix, the slot where it was.

import { ok, strictEqual } from "node:assert";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type CaptureExit, startCapture } from "../support/capture.ts";
import {
  assertExactlyOnce,
  copyFolder,
  createFaultBed,
  type FaultBed,
  startStreaming,
  waitForCommits,
} from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { sql } from "../../dev/servers/psql.ts";
import { quickTest, slowTest } from "../support/speed.ts";

quickTest("the publication is missing: refused before a slot is made", async () => {
  await using bed = await createFaultBed({ publish: false });
  await assertRefused(bed, /publication "pub_\w+" does not exist/, /CREATE PUBLICATION/);
  strictEqual(
    await bed.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [bed.slot]),
    "0",
  );
});

// From PostgreSQL 18 on a publication that is missing is no error for the walsender: it skips what it held.
for (const major of [17, 18] as const) {
  quickTest(
    `the publication is dropped while it streams from PostgreSQL ${major}: it ends with its name and the fix`,
    async () => {
      await using bed = await createFaultBed(major === 17 ? {} : { postgres: { major } });
      await using capture = await startStreaming(bed);
      await bed.sql.exec("INSERT INTO account VALUES (1, 'before', 0)");
      await waitUntilConfirmed(bed, capture);
      await bed.sql.exec(`DROP PUBLICATION ${bed.publication}`);
      const dropped = await bed.sql.value("SELECT pg_current_wal_insert_lsn()");
      await bed.sql.exec("INSERT INTO account VALUES (2, 'a', 0)");
      assertRefusal(
        await capture.waitForExit(),
        capture.log,
        /publication "pub_\w+"/,
        /CREATE PUBLICATION/,
      );
      const isPassed = "SELECT confirmed_flush_lsn > $1 FROM pg_replication_slots WHERE slot_name = $2";
      strictEqual(await bed.sql.value(isPassed, [dropped, bed.slot]), "f", "the change was passed over");
    },
  );
}

quickTest("the slot is dropped: refused, and no new one is made", async () => {
  await using bed = await createFaultBed();
  await deliverSome(bed);
  await bed.sql.rows("SELECT pg_drop_replication_slot($1)", [bed.slot]);
  await assertRefused(bed, /slot "slot_\w+" is gone/, /SNAPSHOT_MODE=initial/);
  strictEqual(
    await bed.sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [bed.slot]),
    "0",
  );
});

quickTest("the slot is dropped and made again: refused", async () => {
  await using bed = await createFaultBed();
  await deliverSome(bed);
  await bed.sql.rows("SELECT pg_drop_replication_slot($1)", [bed.slot]);
  await bed.sql.exec("INSERT INTO account VALUES (100, 'gone', 0)");
  await bed.sql.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [bed.slot]);
  await assertRefused(bed, /another client advanced or re-created the slot/, /SNAPSHOT_MODE=initial/);
});

quickTest("the slot is advanced by hand: refused", async () => {
  await using bed = await createFaultBed();
  await deliverSome(bed);
  await bed.sql.exec("INSERT INTO account VALUES (100, 'skipped', 0)");
  await bed.sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_insert_lsn())", [bed.slot]);
  await assertRefused(bed, /another client advanced or re-created the slot/, /SNAPSHOT_MODE=initial/);
});

quickTest("the slot is of another kind: refused", async () => {
  await using bed = await createFaultBed();
  await bed.sql.rows("SELECT pg_create_physical_replication_slot($1)", [bed.slot]);
  await assertRefused(bed, /it is a physical slot/, /PG_SLOT_NAME/);
  await bed.sql.rows("SELECT pg_drop_replication_slot($1)", [bed.slot]);
});

quickTest("the slot is invalidated while nobody reads it: refused", async () => {
  await using bed = await createFaultBed({ postgres: { settings: SMALL_WAL } });
  await deliverSome(bed);
  await invalidate(bed);
  await assertRefused(bed, /invalidated/, /SNAPSHOT_MODE=initial/);
});

quickTest("the slot is invalidated while it streams: it ends with a refusal", async () => {
  await using bed = await createFaultBed({ postgres: { settings: SMALL_WAL } });
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
  await waitForCommits(bed, capture, 1);
  bed.toPostgres.stall();
  await invalidate(bed);
  bed.toPostgres.heal();
  assertRefusal(await capture.waitForExit(), capture.log, /invalidated|slot/, /SNAPSHOT_MODE=initial/);
});

quickTest("the progress topic is deleted: refused", async () => {
  await using bed = await createFaultBed();
  await deliverSome(bed);
  const admin = kafkaClient(bed.brokers).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [`${bed.topicPrefix}.pg-capture.progress`] });
  await admin.disconnect();
  await assertRefused(bed, /Kafka has no progress record/, /checkpoint file/);
});

quickTest("another topic prefix, with the old checkpoint: refused", async () => {
  await using bed = await createFaultBed();
  await deliverSome(bed);
  await assertRefused(bed, /another Kafka cluster or topic prefix/, /KAFKA_TOPIC_PREFIX/, {
    KAFKA_TOPIC_PREFIX: `${bed.topicPrefix}.other`,
  });
});

quickTest("the checkpoint is of another database: refused", async () => {
  await using other = await createFaultBed();
  await deliverSome(other);
  await using bed = await createFaultBed();
  await deliverSome(bed);
  await copyCheckpoint(other, bed);
  await assertRefused(bed, /belongs to another source .*database/, /REPLICATION_CHECKPOINT_FILE/);
});

quickTest("an older checkpoint is put back: Kafka's record counts, and nothing is repeated", async () => {
  await using bed = await createFaultBed();
  await deliverSome(bed);
  await Deno.mkdir(`${bed.folder}/old`);
  await copyCheckpoint(bed, { folder: `${bed.folder}/old` });
  await deliverSome(bed, 10);
  await copyCheckpoint({ folder: `${bed.folder}/old` }, bed);
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO account VALUES (20, 'after', 0)");
  await assertExactlyOnce(bed, capture);
});

quickTest(
  "the checkpoint's folder can't be written: it streams on with a warning, and restarts from Kafka",
  async () => {
    await using bed = await createFaultBed();
    await Deno.writeTextFile(`${bed.folder}/file`, "");
    const env = { REPLICATION_CHECKPOINT_FILE: `${bed.folder}/file/below/checkpoint` };
    for (const first of [1, 10]) {
      await using capture = await startStreaming(bed, env);
      await capture.waitForLog("The checkpoint can't be kept");
      await bed.sql.exec(
        `INSERT INTO account SELECT g, 'a', 0 FROM generate_series(${first}, ${first + 5}) g`,
      );
      await assertExactlyOnce(bed, capture);
      await capture.kill();
    }
  },
);

quickTest("at least once, without a checkpoint that can be kept, is refused", async () => {
  await using bed = await createFaultBed();
  await Deno.writeTextFile(`${bed.folder}/file`, "");
  await assertRefused(bed, /Cannot open checkpoint file/, /REPLICATION_CHECKPOINT_FILE/, {
    KAFKA_DELIVERY: "at-least-once",
    REPLICATION_CHECKPOINT_FILE: `${bed.folder}/file/below/checkpoint`,
  });
});

quickTest("a database that was restored from an older backup is refused", async () => {
  await using bed = await createFaultBed({ postgres: {} });
  await deliverSome(bed);
  const { dataDir } = bed.postgresServer;
  await bed.postgresServer.stop("fast");
  await copyFolder(dataDir, `${dataDir}-backup`);
  await bed.postgresServer.start();
  await deliverSome(bed, 10);
  await bed.postgresServer.stop("fast");
  await Deno.rename(dataDir, `${dataDir}-lost`);
  await Deno.rename(`${dataDir}-backup`, dataDir);
  await bed.postgresServer.start();
  await assertRefused(bed, /restored from a backup/, /SNAPSHOT_MODE=initial/);
});

slowTest("a standby that lagged and was promoted is refused", async () => {
  await using bed = await createFaultBed({ postgres: {} });
  await deliverSome(bed);
  const { dataDir } = bed.postgresServer;
  await bed.postgresServer.stop("fast");
  await copyFolder(dataDir, `${dataDir}-standby`);
  await bed.postgresServer.start();
  await deliverSome(bed, 10);
  await bed.postgresServer.stop("fast");
  await Deno.rename(dataDir, `${dataDir}-lost`);
  await Deno.rename(`${dataDir}-standby`, dataDir);
  // Archive recovery without an archive ends at once, on a timeline of its own.
  await bed.postgresServer.configure({ restore_command: "false" });
  await Deno.writeTextFile(`${dataDir}/recovery.signal`, "");
  await bed.postgresServer.start();
  while (await bed.sql.value("SELECT pg_is_in_recovery()") === "t") await delay(50);
  await bed.sql.exec("INSERT INTO account SELECT g, 'other', 0 FROM generate_series(1000, 5000) g");
  await assertRefused(
    bed,
    /timeline 1 .*restored from a backup, or is a standby that lagged/,
    /SNAPSHOT_MODE=initial/,
  );
});

quickTest("two tables whose topics Kafka can't tell apart are refused before anything is sent", async () => {
  await using bed = await createFaultBed();
  await bed.sql.exec(
    `CREATE SCHEMA same; CREATE TABLE same.one_name (id int PRIMARY KEY);
     CREATE SCHEMA same_one; CREATE TABLE same_one.name (id int PRIMARY KEY)`,
  );
  await assertRefused(bed, /same_one.*name/, /\[\[tables\]\]/);
});

quickTest(
  "a wrong password, a database that is not there, a role without REPLICATION: refused at once",
  async () => {
    await using bed = await createFaultBed();
    await assertRefused(bed, /password authentication failed/, /PG_PASSWORD/, { PG_PASSWORD: "wrong" });
    await assertRefused(bed, /does not exist/, /PG_DATABASE/, { PG_DATABASE: "not_there" });
    const role = `plain_${bed.slot}`;
    await bed.sql.exec(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    await assertRefused(bed, /permission denied|replication/i, /REPLICATION/, {
      PG_USERNAME: role,
      PG_PASSWORD: "secret",
    });
  },
);

quickTest("wal_level is not logical: refused", async () => {
  await using bed = await createFaultBed({
    postgres: { settings: { wal_level: "replica" } },
    secondSlot: false,
  });
  await assertRefused(bed, /wal_level is replica/, /ALTER SYSTEM SET wal_level/);
});

const SMALL_WAL = { max_slot_wal_keep_size: "1MB", min_wal_size: "32MB", max_wal_size: "32MB" };

/** Runs it until it refuses, and looks that the slot is where it was. */
async function assertRefused(
  bed: FaultBed,
  line: RegExp,
  fix: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const before = await slotPosition(bed);
  await using capture = await startCapture({ env: { ...bed.env, ...env } });
  assertRefusal(await capture.waitForExit(), capture.log, line, fix);
  strictEqual(await slotPosition(bed), before, "the slot was moved");
}

function assertRefusal({ code }: CaptureExit, log: readonly string[], line: RegExp, fix: RegExp): void {
  const errors = log.filter((text) => / error /.test(text));
  const told = log.slice(-10).join("\n");
  strictEqual(code, 3, told);
  strictEqual(errors.length, 1, told);
  const [message = "", hint = ""] = (errors[0] ?? "").split(" fix: ");
  ok(line.test(message), `${line} is not in: ${errors[0]}`);
  ok(fix.test(hint), `${fix} is no part of the fix in: ${errors[0]}`);
}

async function slotPosition(bed: FaultBed): Promise<string | null> {
  return await bed.sql.value("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1", [
    bed.slot,
  ]);
}

/** Delivers ten rows whose ids begin with `first`, and stops cleanly. */
async function deliverSome(bed: FaultBed, first = 1): Promise<void> {
  await using capture = await startStreaming(bed);
  await bed.sql.exec(
    `INSERT INTO account SELECT g, 'some', 0 FROM generate_series(${first}, ${first + 5}) g`,
  );
  await waitUntilConfirmed(bed, capture);
  await capture.terminate();
}

/** Makes so much WAL, in a session of its own, that the slot loses what it needs. */
async function invalidate(bed: FaultBed): Promise<void> {
  await using session = await sql(bed.postgres);
  for (let tries = 0; tries < 20; tries++) {
    for (let segment = 0; segment < 3; segment++) {
      await session.exec("SELECT pg_logical_emit_message(false, 'filler', 'x'); SELECT pg_switch_wal()");
    }
    await session.exec("CHECKPOINT");
    const status = await session.value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", [
      bed.slot,
    ]);
    if (status === "lost") return;
  }
  throw new Error("the slot was not invalidated");
}

/** The checkpoint's files of one folder to another; what is there goes first. */
async function copyCheckpoint(
  from: { readonly folder: string },
  to: { readonly folder: string },
): Promise<void> {
  const isCheckpoint = ({ name }: Deno.DirEntry) => name.startsWith("checkpoint");
  for (const { name } of [...Deno.readDirSync(to.folder)].filter(isCheckpoint)) {
    await Deno.remove(`${to.folder}/${name}`);
  }
  for (const { name } of [...Deno.readDirSync(from.folder)].filter(isCheckpoint)) {
    await Deno.copyFile(`${from.folder}/${name}`, `${to.folder}/${name}`);
  }
}
