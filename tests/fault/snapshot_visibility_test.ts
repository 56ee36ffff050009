// Commits that are streamed and not visible yet, as while a synchronous standby does not answer: what is read of the
// tables meanwhile is older than what was sent.

import { ok, strictEqual } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { type Sql, sql } from "../../dev/servers/psql.ts";
import type { CaptureProcess } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import {
  assertSnapshots,
  readStoredSnapshots,
  type SnapshotOptions,
  waitUntilSnapshotsEnd,
} from "../support/snapshot_oracle.ts";
import { createRows, ITEM, VERSION } from "../support/snapshot_writer.ts";
import type { ExpectedTables } from "../support/expected_tables.ts";
import { createSecondSlot } from "../support/second_slot.ts";
import { quickTest } from "../support/speed.ts";
import { readTables } from "../support/table_rows.ts";

const INITIAL = { SNAPSHOT_MODE: "initial" };

/** Nobody answers; only sessions that ask for it wait for the answer. */
const NO_STANDBY = { synchronous_standby_names: "nobody", synchronous_commit: "local" };

const ROWS = 4_000;
const TABLES = ["public.item"];

quickTest("a snapshot begins while a commit that was streamed before is not visible", async () => {
  await using hanging = await createHanging();
  const { bed } = hanging;
  {
    await using capture = await startStreaming(bed);
    await hang(hanging, capture, HUNG_UPDATE);
    await capture.terminate();
  }
  await using capture = await startStreaming(bed, INITIAL);
  await delay(1_500);
  await assertNothingRead(bed);
  await answer(bed);
  await judge(hanging, capture);
});

quickTest(
  "a commit that is streamed while the rows are read is not visible, and the capture is killed",
  async () => {
    await using hanging = await createHanging();
    const { bed } = hanging;
    {
      await using capture = await startStreaming(bed, { ...INITIAL, SNAPSHOT_ROWS_PER_SECOND: "800" });
      await waitForReads(bed);
      await hang(hanging, capture, HUNG_UPDATE);
      await capture.kill();
    }
    {
      await using capture = await startStreaming(bed, INITIAL);
      await delay(1_500);
      await capture.terminate();
    }
    await using capture = await startStreaming(bed, INITIAL);
    await delay(1_000);
    strictEqual((await readStoredSnapshots(bed)).get("public.item")?.status === "complete", false);
    await answer(bed);
    await judge(hanging, capture);
  },
);

quickTest("after a kill, the rows are read before the commit that is not visible comes again", async () => {
  await using hanging = await createHanging();
  const { bed } = hanging;
  await using old = await sql(bed.postgres);
  {
    await using capture = await startStreaming(bed, { ...INITIAL, SNAPSHOT_ROWS_PER_SECOND: "800" });
    await waitForReads(bed);
    // From here on everything has to be decoded again at the next start, which takes a while.
    await old.exec("BEGIN; INSERT INTO elsewhere VALUES (0)");
    await bed.sql.exec("INSERT INTO elsewhere SELECT generate_series(1, 600000); CHECKPOINT");
    await hang(hanging, capture, HUNG_UPDATE);
    await delay(1_000);
    await capture.kill();
  }
  await using capture = await startStreaming(bed, INITIAL);
  await delay(3_000);
  await answer(bed);
  await old.exec("COMMIT");
  await judge(hanging, capture);
});

quickTest("keys that moved are not visible yet, and others move while that is so", async () => {
  await using hanging = await createHanging();
  const { bed } = hanging;
  await using capture = await startStreaming(bed, { ...INITIAL, SNAPSHOT_ROWS_PER_SECOND: "800" });
  await waitForReads(bed);
  await hang(
    hanging,
    capture,
    `UPDATE item SET id = 5 - id, version = nextval('row_version') WHERE id > 3900;
    DELETE FROM item WHERE id BETWEEN 3800 AND 3810`,
    "DELETE",
  );
  for (let id = 3_700; id < 3_760; id++) {
    await bed.sql.exec(`UPDATE item SET id = -id, version = nextval('row_version') WHERE id = ${id}`);
    await delay(10);
  }
  await answer(bed);
  await judge(hanging, capture);
});

quickTest(
  "rows of a table without a key are read while a commit that was streamed is not visible",
  async () => {
    await using hanging = await createHanging();
    const { bed } = hanging;
    await bed.sql.exec(`CREATE TABLE note (n int, text text); ALTER TABLE note REPLICA IDENTITY FULL;
    INSERT INTO note SELECT n, 'note ' || n FROM generate_series(1, 500) n;
    ALTER PUBLICATION ${bed.publication} ADD TABLE note`);
    await bed.sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [
      `${bed.slot}_second`,
    ]);
    {
      await using capture = await startStreaming(bed);
      await hang(
        hanging,
        capture,
        "UPDATE note SET text = 'hung' WHERE n <= 100; DELETE FROM note WHERE n > 450",
      );
      await capture.terminate();
    }
    {
      await using capture = await startStreaming(bed, INITIAL);
      await delay(1_000);
      await capture.kill();
    }
    await using capture = await startStreaming(bed, INITIAL);
    await delay(1_000);
    await assertNothingRead(bed);
    await answer(bed);
    await judge(hanging, capture, { tables: [...TABLES, "public.note"] });
  },
);

const HUNG_UPDATE = `UPDATE item SET version = nextval('row_version'), small = 'hung' WHERE id % 20 = 0;
  UPDATE item SET version = nextval('row_version'), small = 'hung' WHERE id > 3900; DELETE FROM item WHERE id % 50 = 1`;

interface Hanging extends AsyncDisposable {
  readonly bed: FaultBed;
  readonly startedWith: ExpectedTables;
  /** Its commits wait for a standby. */
  readonly waiting: Sql;
}

async function createHanging(): Promise<Hanging> {
  await using stack = new AsyncDisposableStack();
  const bed = stack.use(await createFaultBed({ postgres: { settings: NO_STANDBY }, publish: false }));
  await createRows(bed.sql, [ITEM], ROWS);
  await bed.sql.exec(`CREATE TABLE elsewhere (id int);
    CREATE PUBLICATION ${bed.publication} FOR TABLE item`);
  await createSecondSlot(bed.sql, bed.slot);
  const startedWith = await readTables(bed.sql, TABLES);
  const waiting = stack.use(await sql(bed.postgres));
  await waiting.exec("SET synchronous_commit = on");
  const disposables = stack.move();
  return { bed, startedWith, waiting, [Symbol.asyncDispose]: () => disposables.disposeAsync() };
}

/** Commits statements, and returns when they are delivered; they are not visible then. */
async function hang(
  { bed, waiting }: Hanging,
  capture: CaptureProcess,
  statements: string,
  last = "DELETE",
): Promise<void> {
  const count = async () =>
    (await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix }))
      .filter(({ value }) => value?.includes(`"op":"${last}"`)).length;
  const before = await count();
  waiting.exec(`BEGIN; ${statements}; COMMIT`).catch(() => {});
  const deadline = Date.now() + 20_000;
  while (await count() === before) {
    if (Date.now() > deadline) throw new Error(`it is not delivered\n${capture.log.slice(-10).join("\n")}`);
    await delay(50);
  }
  const visible = await bed.sql.value("SELECT count(*) FROM item WHERE small = 'hung'");
  strictEqual(visible, "0", "the commit waits for no standby");
}

/** From now on no commit waits. */
async function answer(bed: FaultBed): Promise<void> {
  await bed.sql.exec("ALTER SYSTEM SET synchronous_standby_names = ''");
  await bed.sql.rows("SELECT pg_reload_conf()");
}

async function waitForReads(bed: FaultBed): Promise<void> {
  await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 1 });
}

async function assertNothingRead(bed: FaultBed): Promise<void> {
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  ok(records.every(({ value }) => !value?.includes('"op":"READ"')), "rows were read that are older");
}

async function judge(
  { bed, startedWith }: Hanging,
  capture: CaptureProcess,
  { tables = TABLES, ...options }: SnapshotOptions & { readonly tables?: readonly string[] } = {},
): Promise<void> {
  await waitUntilSnapshotsEnd(bed, capture, tables);
  await assertSnapshots(bed, capture, tables, {
    ...options,
    reads: { startedWith, versionColumn: VERSION },
  });
}
