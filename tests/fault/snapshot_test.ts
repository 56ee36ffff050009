// Snapshots while everything changes: no key ever steps back to an older row, and each row comes once.

import { ok } from "node:assert";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { assertSnapshots, waitUntilSnapshotsEnd } from "../support/snapshot_oracle.ts";
import { createRows, ITEM, type RowTable, RowWriters, VERSION } from "../support/snapshot_writer.ts";
import { quickTest } from "../support/speed.ts";
import { readTables } from "../support/table_rows.ts";
import type { ExpectedTables } from "../support/expected_tables.ts";

const SNAPSHOT = { SNAPSHOT_MODE: "initial" };

quickTest("30,000 rows are read while these very rows change", async () => {
  await using bed = await createFaultBed();
  const startedWith = await withRows(bed, [ITEM], 30_000);
  await using writers = new RowWriters(bed.postgres, { tables: [ITEM], count: 30_000, seed: 1 });
  await using capture = await startStreaming(bed, { ...SNAPSHOT, SNAPSHOT_ROWS_PER_SECOND: "6000" });
  writers.start();
  const { reads } = await judgeWith(bed, capture, writers, [ITEM], startedWith);
  ok(reads > 20_000, `${reads} rows`);
});

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
