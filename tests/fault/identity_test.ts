// A transaction that is delivered in part, and goes on under another catalog: each change is there once.

import { deepStrictEqual, ok } from "node:assert";
import { readTopics } from "../support/consumer.ts";
import { createFaultBed, type FaultBed, startStreaming, waitForCommits } from "../support/fault_bed.ts";
import { checkHistory, type HistoryRecord } from "../support/history.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createSecondSlot, type DecodedChange, readSecondSlot } from "../support/second_slot.ts";
import { quickTest, slowTest } from "../support/speed.ts";

const ROWS = 20_000;

/** What happens to table `t` while pg-capture is down. */
interface Alteration {
  readonly name: string;
  readonly sql: (bed: FaultBed) => string;
  readonly setup?: string;
  readonly env?: (bed: FaultBed) => Readonly<Record<string, string>>;
  /** Only with `deno task test:fault`. */
  readonly isSlow?: true;
}

const ALTERATIONS: readonly Alteration[] = [
  { name: "its primary key is dropped", sql: () => "ALTER TABLE t DROP CONSTRAINT t_pkey" },
  { name: "it is dropped", sql: () => "DROP TABLE t" },
  {
    name: "it gets a primary key",
    setup: "ALTER TABLE t DROP CONSTRAINT t_pkey",
    sql: () => "ALTER TABLE t ADD PRIMARY KEY (id)",
  },
  {
    name: "its primary key moves to another column",
    sql: () => "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (code)",
    isSlow: true,
  },
  {
    name: "its replica identity becomes another index",
    sql: () => "CREATE UNIQUE INDEX t_code ON t (code); ALTER TABLE t REPLICA IDENTITY USING INDEX t_code",
    isSlow: true,
  },
  {
    name: "its publication loses it and gets it again",
    sql: ({ publication }) =>
      `ALTER PUBLICATION ${publication} DROP TABLE t; ALTER PUBLICATION ${publication} ADD TABLE t`,
    isSlow: true,
  },
  {
    name: "another publication is captured",
    setup: "CREATE PUBLICATION other FOR ALL TABLES",
    sql: () => "SELECT 1",
    env: () => ({ PG_PUBLICATION: "other" }),
    isSlow: true,
  },
  { name: "it gets a column", sql: () => "ALTER TABLE t ADD COLUMN added int DEFAULT 7", isSlow: true },
  {
    name: "its key's type becomes another",
    sql: () => "ALTER TABLE t ALTER COLUMN id TYPE text USING id::text",
    isSlow: true,
  },
];

for (const alteration of ALTERATIONS) {
  const test = alteration.isSlow === true ? slowTest : quickTest;
  test(`${ROWS} keys updated, killed in the middle, and ${alteration.name}: each update is there once`, () =>
    // Without the checkpoint nothing is remembered of the table: the catalog of now decides about its key.
    killInTheMiddle(alteration, { keepsCheckpoint: false }));
}

slowTest("so it is where the checkpoint file remembers the table, whatever was done to it", async () => {
  for (const alteration of ALTERATIONS) await killInTheMiddle(alteration, { keepsCheckpoint: true });
});

async function killInTheMiddle(
  { sql, setup, env }: Alteration,
  { keepsCheckpoint }: { readonly keepsCheckpoint: boolean },
): Promise<void> {
  await using bed = await createFaultBed({ publish: false });
  await createTable(bed, setup);
  const records = () => readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  {
    await using capture = await startStreaming(bed, SMALL_BATCHES);
    bed.toKafka.set({ latencyMs: 20 });
    await bed.sql.exec("UPDATE t SET id = id + 1000000");
    await waitForCommits(bed, capture, 3);
    await capture.kill();
    bed.toKafka.heal();
  }
  const partCount = (await records()).length;
  ok(partCount > 0 && partCount < ROWS, `${partCount} records before the kill`);
  const decoded = await readSecondSlot(bed.sql, bed.slot, bed.publication);
  await bed.sql.exec(sql(bed));
  if (!keepsCheckpoint) await removeCheckpoint(bed);
  await using capture = await startStreaming(bed, env?.(bed));
  await waitUntilConfirmed(bed, capture);
  assertOnce(await records(), decoded ?? []);
}

const SMALL_BATCHES = { REPLICATION_MAX_BUFFER_SIZE: "2000", KAFKA_LINGER_MS: "0" };

async function createTable({ sql, publication, slot }: FaultBed, setup = "SELECT 1"): Promise<void> {
  await sql.exec(`CREATE TABLE t (id int CONSTRAINT t_pkey PRIMARY KEY, code int NOT NULL, payload text);
    ALTER TABLE t REPLICA IDENTITY FULL;
    INSERT INTO t SELECT g, g, 'row ' || g FROM generate_series(1, ${ROWS}) g`);
  await sql.exec(setup);
  await sql.exec(`CREATE PUBLICATION ${publication} FOR TABLE t, account, entry`);
  await createSecondSlot(sql, slot);
}

async function removeCheckpoint({ folder }: FaultBed): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("checkpoint")) await Deno.remove(`${folder}/${name}`);
  }
}

/** The key of a row changes with the catalog in mid-transaction, so its topics need not replay; each change is due. */
function assertOnce(records: readonly HistoryRecord[], decoded: readonly DecodedChange[]): void {
  const problems = checkHistory(records, undefined, { decoded, replays: false })
    .filter(({ kind }) => kind !== "partition");
  deepStrictEqual(problems.slice(0, 10), [], `${problems.length} problems in ${records.length} records`);
}
