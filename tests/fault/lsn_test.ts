// LSNs that PostgreSQL sends: true ones that look odd, and ones that changed on their way.

import { deepStrictEqual, ok } from "node:assert";
import { sql } from "../../dev/servers/psql.ts";
import { assertExactlyOnce, createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { LSN_PLACES, type LsnPlace } from "../support/postgres_tap.ts";
import { startProxy } from "../support/proxy.ts";
import { quickTest, slowTest } from "../support/speed.ts";

quickTest(
  "a start far behind the slot's position, whose keepalives begin below it, is no transmission error",
  async () => {
    await using bed = await createFaultBed({ postgres: {} });
    await using open = await sql(bed.postgres);
    {
      await using capture = await startStreaming(bed);
      await open.exec("BEGIN; INSERT INTO account VALUES (1, 'long', 0)");
      await writeUnpublished(bed, 150);
      await bed.sql.exec("INSERT INTO account VALUES (2, 'short', 0)");
      await waitUntilConfirmed(bed, capture);
      deepStrictEqual((await capture.terminate()).code, 0);
    }
    await using capture = await startStreaming(bed);
    await bed.sql.exec("INSERT INTO account VALUES (3, 'short', 0)");
    await open.exec("COMMIT");
    await assertExactlyOnce(bed, capture);
    assertNoRetry(capture.log);
  },
);

for (const [name, place] of Object.entries(LSN_PLACES)) {
  quickTest(
    `a flipped bit in an LSN (${name}) ends the connection at once, and nothing else`,
    () => flipBits(place, [1, 17, 45]),
  );
}

slowTest("so does each other bit of each of these LSNs", async () => {
  const bits = Array.from({ length: 64 }, (_, bit) => bit);
  for (const place of Object.values(LSN_PLACES)) await flipBits(place, bits);
});

/** So far apart, 1 GB, are no two ends of WAL here. */
const ODD_BIT_MIN = 30;

async function flipBits(place: LsnPlace, bits: readonly number[]): Promise<void> {
  await using bed = await createFaultBed();
  await using proxy = await startProxy({ port: bed.postgres.port, protocol: "postgres" });
  await using capture = await startStreaming(bed, { PG_PORT: String(proxy.port) });
  let id = 0;
  const insert = () => bed.sql.exec(`INSERT INTO account VALUES (${++id}, 'row', 0)`);
  await insert();
  for (const bit of bits) {
    await waitUntilConfirmed(bed, capture);
    const from = capture.log.length;
    const flip = proxy.flip(place, bit);
    await insert();
    const direction = await flip.caught;
    // An end of WAL contradicts no other one where it lies between the true ones before and after it: a harmless one.
    if (place.kind !== "k" || direction === "raised" && bit >= ODD_BIT_MIN) {
      {
        await capture.waitForLog("Streaming", { from, timeoutMs: 10_000 });
      }
    }
    await insert();
    await waitUntilConfirmed(bed, capture);
    ok(await isConfirmedInWal(bed), `bit ${bit}: confirmed beyond the end of WAL`);
  }
  await assertExactlyOnce(bed, capture);
}

async function isConfirmedInWal({ sql, slot }: FaultBed): Promise<boolean> {
  return await sql.value(
    "SELECT confirmed_flush_lsn <= pg_current_wal_insert_lsn() FROM pg_replication_slots WHERE slot_name = $1",
    [slot],
  ) === "t";
}

/** WAL of another database, so many MB: the walsender reads it, and sends nothing of it. */
async function writeUnpublished(bed: FaultBed, megabytes: number): Promise<void> {
  await using other = await sql({ ...bed.postgres, database: "postgres" });
  await other.rows(
    "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, $1)",
    [megabytes],
  );
}

function assertNoRetry(log: readonly string[]): void {
  ok(!log.some((line) => line.includes("retry_in_ms")), log.slice(-15).join("\n"));
}
