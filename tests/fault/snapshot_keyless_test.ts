// Snapshots of tables without a key: all rows of one moment, and every change after it.

import { ok } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { assertSnapshots, waitUntilSnapshotsEnd } from "../support/snapshot_oracle.ts";
import { createRows, type RowTable, RowWriters } from "../support/snapshot_writer.ts";
import { quickTest } from "../support/speed.ts";
import { randomOf } from "../support/writer.ts";

/** Its rows change. */
const FULL: RowTable = {
  name: "keyless",
  keyColumns: [["id", "bigint"]],
  constraints: "",
  after: "ALTER TABLE keyless REPLICA IDENTITY FULL; CREATE INDEX ON keyless (id)",
  key: (n) => [n],
};
/** It has only INSERTs. */
const LOG: RowTable = {
  name: "log",
  keyColumns: [["id", "bigint"]],
  constraints: "",
  after: "CREATE INDEX ON log (id)",
  key: (n) => [n],
};
const NAMES = ["public.keyless", "public.log"];
const ROWS = 6_000;
const ENV = { SNAPSHOT_MODE: "initial", SNAPSHOT_ROWS_PER_SECOND: "6000" };

for (const isSlotNew of [true, false]) {
  const which = isSlotNew ? "a new slot" : "a slot that has streamed before";
  quickTest(`rows without a key are read while they change, from ${which}`, async () => {
    await using bed = await createRowsBed();
    await using writers = new KeylessWriters(bed);
    if (!isSlotNew) {
      await using before = await startStreaming(bed);
      writers.start();
      await delay(300);
      await before.terminate();
    }
    await using capture = await startStreaming(bed, ENV);
    if (isSlotNew) writers.start();
    await judge(bed, capture, writers);
  });

  quickTest(
    `killed while it reads rows without a key, from ${which}, it begins anew with a TRUNCATE`,
    async () => {
      await using bed = await createRowsBed();
      await using writers = new KeylessWriters(bed);
      if (!isSlotNew) await (await startStreaming(bed)).terminate();
      const random = randomOf(8);
      for (let kills = 0; kills < 4; kills++) {
        await using capture = await startStreaming(bed, ENV);
        if (kills === 0) writers.start();
        await delay(200 + 500 * random());
        await capture.kill();
      }
      await using capture = await startStreaming(bed, ENV);
      await judge(bed, capture, writers);
    },
  );
}

class KeylessWriters implements AsyncDisposable {
  readonly #changing: RowWriters;
  readonly #inserting: RowWriters;

  constructor({ postgres }: FaultBed) {
    const options = { count: ROWS, connections: 1, transactionsPerSecond: 100 };
    this.#changing = new RowWriters(postgres, { ...options, tables: [FULL], seed: 6 });
    this.#inserting = new RowWriters(postgres, { ...options, tables: [LOG], seed: 7, insertsOnly: true });
  }

  start(): void {
    this.#changing.start();
    this.#inserting.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#changing.stop(), this.#inserting.stop()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changing[Symbol.asyncDispose]();
    await this.#inserting[Symbol.asyncDispose]();
  }
}

async function createRowsBed(): Promise<FaultBed> {
  const bed = await createFaultBed();
  await createRows(bed.sql, [FULL, LOG], ROWS);
  await bed.sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [`${bed.slot}_second`]);
  return bed;
}

async function judge(
  bed: FaultBed,
  capture: Awaited<ReturnType<typeof startStreaming>>,
  writers: KeylessWriters,
): Promise<void> {
  await waitUntilSnapshotsEnd(bed, capture, NAMES);
  await writers.stop();
  const { reads } = await assertSnapshots(bed, capture, NAMES);
  ok(reads >= ROWS, `${reads} rows`);
}
