// LSNs that PostgreSQL sends: true ones that look odd, and ones that changed on their way.

import { deepStrictEqual, ok } from "node:assert";
import { sql } from "../../dev/servers/psql.ts";
import { assertExactlyOnce, createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { quickTest } from "../support/speed.ts";

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
