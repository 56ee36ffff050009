// A data directory that is set back on the same timeline is refused; a crash, and a slot that steps back, are not.

import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import {
  assertExactlyOnce,
  copyFolder,
  createFaultBed,
  type FaultBed,
  startStreaming,
} from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { quickTest, slowTest } from "../support/speed.ts";

for (
  const { name, writes } of [
    // Its end of WAL is beyond what was delivered: by transactions, by one large one, and by no transaction at all.
    { name: "other transactions", writes: insertEach },
    { name: "one large transaction", writes: insertAtOnce },
    { name: "nothing that is published", writes: writeUnpublished },
  ]
) {
  const test = writes === insertEach ? quickTest : slowTest;
  test(`an older copy whose WAL has grown past what was delivered, by ${name}, is refused`, async () => {
    await using bed = await createFaultBed({ postgres: {} });
    await deliver(bed, 1, 20);
    const backup = await stoppedCopy(bed);
    await deliver(bed, 21, 40);
    await restore(bed, backup);
    await writes(bed);
    const before = await confirmed(bed);
    for (let start = 0; start < 2; start++) {
      await using capture = await startCapture({ env: bed.env });
      const { code } = await capture.waitForExit();
      strictEqual(code, 3, capture.log.slice(-15).join("\n"));
      match(capture.log.at(-1) ?? "", /older copy whose WAL has continued differently.* fix: .*start anew/);
    }
    strictEqual(await confirmed(bed), before, "the slot was moved");
  });
}

quickTest("a crash, after which old transactions may come again, is not refused", async () => {
  await using bed = await createFaultBed({ postgres: {} });
  let next = 1;
  for (const isWritten of [false, true]) {
    await deliver(bed, next, next += 10);
    const told = await confirmed(bed);
    await bed.postgresServer.stop("immediate");
    await bed.postgresServer.start();
    notStrictEqual(await confirmed(bed), told, "the slot did not step back");
    if (isWritten) await insert(bed, next, next += 10);
    await using capture = await startStreaming(bed);
    await insert(bed, next, next += 10);
    await assertExactlyOnce(bed, capture);
    deepStrictEqual((await capture.terminate()).code, 0);
  }
});

quickTest("an older copy of the slot alone, over WAL that is as it was, is not refused", async () => {
  await using bed = await createFaultBed({ postgres: {} });
  await deliver(bed, 1, 20);
  await bed.postgresServer.stop("fast");
  const slotFolder = `${bed.postgresServer.dataDir}/pg_replslot/${bed.slot}`;
  const copy = `${bed.postgresServer.dataDir}-slot`;
  await copyFolder(slotFolder, copy);
  await bed.postgresServer.start();
  const before = await confirmed(bed);
  await deliver(bed, 21, 40);
  await bed.postgresServer.stop("fast");
  await Deno.remove(slotFolder, { recursive: true });
  await Deno.rename(copy, slotFolder);
  await bed.postgresServer.start();
  strictEqual(await confirmed(bed), before, "the slot did not step back");
  await using capture = await startStreaming(bed);
  await insert(bed, 41, 50);
  await assertExactlyOnce(bed, capture);
});

/** Delivers rows, and ends without a confirmation that PostgreSQL has written to disk. */
async function deliver(bed: FaultBed, from: number, to: number): Promise<void> {
  await using capture = await startStreaming(bed);
  await insert(bed, from, to);
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual((await capture.terminate()).code, 0);
}

async function insert({ sql }: FaultBed, from: number, to: number): Promise<void> {
  for (let id = from; id < to; id++) await sql.exec(`INSERT INTO account VALUES (${id}, 'row', 0)`);
}

async function insertEach(bed: FaultBed): Promise<void> {
  await insert(bed, 1_000, 1_200);
}

async function insertAtOnce({ sql }: FaultBed): Promise<void> {
  await sql.exec("INSERT INTO account SELECT g, 'other', 0 FROM generate_series(1000, 3000) g");
}

async function writeUnpublished({ sql }: FaultBed): Promise<void> {
  await sql.exec("CREATE UNLOGGED TABLE unpublished (id int)");
  await sql.exec("SELECT pg_switch_wal(); CREATE INDEX ON entry (note); DROP INDEX entry_note_idx");
}

async function stoppedCopy({ postgresServer }: FaultBed): Promise<string> {
  const { dataDir } = postgresServer;
  await postgresServer.stop("fast");
  await copyFolder(dataDir, `${dataDir}-copy`);
  await postgresServer.start();
  return `${dataDir}-copy`;
}

async function restore({ postgresServer }: FaultBed, copy: string): Promise<void> {
  const { dataDir } = postgresServer;
  await postgresServer.stop("fast");
  await Deno.rename(dataDir, `${dataDir}-lost`);
  await Deno.rename(copy, dataDir);
  await postgresServer.start();
}

async function confirmed({ sql, slot }: FaultBed): Promise<string | null> {
  return await sql.value("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1", [slot]);
}
