// Snapshots while everything changes: no key ever steps back to an older row, and each row comes once.

import { ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { assertSnapshots, readStoredSnapshots, waitUntilSnapshotsEnd } from "../support/snapshot_oracle.ts";
import { createRows, ITEM, type RowTable, RowWriters, VERSION } from "../support/snapshot_writer.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { randomOf } from "../support/writer.ts";
import { readTables } from "../support/table_rows.ts";
import type { ExpectedTables } from "../support/expected_tables.ts";

const SNAPSHOT = { SNAPSHOT_MODE: "initial", KAFKA_TOPIC_PARTITIONS: "3" };

quickTest("30,000 rows are read while these very rows change", async () => {
  await using bed = await createFaultBed();
  const startedWith = await withRows(bed, [ITEM], 30_000);
  await using writers = new RowWriters(bed.postgres, { tables: [ITEM], count: 30_000, seed: 1 });
  await using capture = await startStreaming(bed, { ...SNAPSHOT, SNAPSHOT_ROWS_PER_SECOND: "8000" });
  writers.start();
  const { reads } = await judgeWith(bed, capture, writers, [ITEM], startedWith);
  ok(reads > 20_000, `${reads} rows`);
});

for (const isSlotNew of [true, false]) {
  const which = isSlotNew ? "a new slot" : "a slot that has streamed before";
  quickTest(
    `killed every 300 to 900 ms while it reads, from ${which}, it sends each row once`,
    () => killWhileItReads({ isSlotNew, rows: 8_000, killsMax: 4, seed: 2 }),
  );
  slowTest(
    `killed every 300 to 900 ms until all rows are sent, from ${which}, it sends each row once`,
    () => killWhileItReads({ isSlotNew, rows: 40_000, killsMax: Infinity, seed: 3 }),
  );
}

async function killWhileItReads({ isSlotNew, rows, killsMax, seed }: {
  readonly isSlotNew: boolean;
  readonly rows: number;
  readonly killsMax: number;
  readonly seed: number;
}): Promise<void> {
  await using bed = await createFaultBed();
  const startedWith = await withRows(bed, [ITEM], rows);
  await using writers = new RowWriters(bed.postgres, { tables: [ITEM], count: rows, seed });
  const env = { ...SNAPSHOT, SNAPSHOT_ROWS_PER_SECOND: "4000" };
  if (!isSlotNew) await (await startStreaming(bed)).terminate();
  const random = randomOf(seed);
  for (let kills = 0; kills < killsMax; kills++) {
    await using capture = await startStreaming(bed, env);
    if (kills === 0) writers.start();
    await delay(300 + 600 * random());
    await capture.kill();
    const state = (await readStoredSnapshots(bed)).get("public.item");
    if (state?.status !== "complete") continue;
    ok(kills > 2, `it was complete after ${kills} kills`);
    break;
  }
  await using capture = await startStreaming(bed, env);
  await judgeWith(bed, capture, writers, [ITEM], startedWith);
}

/** Makes the rows, which are no part of what the second slot decodes. */
async function withRows(bed: FaultBed, tables: readonly RowTable[], count: number): Promise<ExpectedTables> {
  await createRows(bed.sql, tables, count);
  await bed.sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [`${bed.slot}_second`]);
  return await readTables(bed.sql, tables.map(nameOf));
}

/** Once the snapshots are complete, the writers stop, and the oracle judges. */
async function judgeWith(
  bed: FaultBed,
  capture: Awaited<ReturnType<typeof startStreaming>>,
  writers: RowWriters,
  tables: readonly RowTable[],
  startedWith: ExpectedTables,
) {
  await waitUntilSnapshotsEnd(bed, capture, tables.map(nameOf));
  await writers.stop();
  return await assertSnapshots(bed, capture, tables.map(nameOf), {
    reads: { startedWith, versionColumn: VERSION },
  });
}

function nameOf({ name }: RowTable): string {
  return `public.${name}`;
}
