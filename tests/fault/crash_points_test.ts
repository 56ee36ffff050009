// Killed at every step of its input and output, the n-th for n = 1, 2, 3 and so on until it ends by itself.

import { notStrictEqual, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { SLOW_TESTS } from "../support/speed.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";
import { createWriterTables, WRITER_TABLES } from "../support/writer.ts";

const CRASH_MAIN = fileURLToPath(new URL("crash_main.ts", import.meta.url));
const POINTS_MAX = 2_000;

Deno.test("killed at each step of input and output, it loses nothing and repeats nothing", async () => {
  await using bed = await createTestBed({ secondSlot: true });
  await createWriterTables(bed.sql);
  const stride = Deno.env.get(SLOW_TESTS) === "1" ? 1 : 9;
  let point = 1;
  for (; point < POINTS_MAX; point += stride) {
    if (!await crashesAt(bed, point)) break;
  }
  notStrictEqual(point, POINTS_MAX, "it never ended by itself");
  await using capture = await startCapture({ env: bed.env });
  await waitUntilConfirmed(bed, capture);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
});

/** Runs it with changes to deliver until it is killed, or has delivered them all and is stopped. @returns whether killed */
async function crashesAt(bed: TestBed, point: number): Promise<boolean> {
  // The slot has to be there before the rows are: what is written before is no part of the history.
  const slotExists = await isThere(bed);
  if (slotExists) await write(bed, point);
  await using capture = await startCapture({
    // With little room every second time: then one Kafka transaction takes several batches.
    env: {
      ...bed.env,
      CRASH_AT: String(point),
      ...(point % 2 === 0 ? { REPLICATION_MAX_BUFFER_SIZE: "10" } : {}),
    },
    script: CRASH_MAIN,
  });
  const delivered = waitUntilConfirmed(bed, capture, 20_000).catch(() => {});
  await Promise.race([capture.exit, delivered]);
  const { signal, code } = await capture.terminate();
  strictEqual(
    signal === "SIGKILL" || code === 0,
    true,
    `it ended with ${code} ${signal}\n${capture.log.slice(-5).join("\n")}`,
  );
  // Without the slot nothing was written, so that it had nothing to do is no sign of the end.
  return signal === "SIGKILL" || !slotExists;
}

/** Whether the slot is there to stay: one that was being made for a client that is gone vanishes with its walsender. */
async function isThere({ sql, slot }: TestBed): Promise<boolean> {
  for (;;) {
    const [found] = await sql.rows(
      "SELECT active::text, (confirmed_flush_lsn IS NOT NULL)::text AS made FROM pg_replication_slots WHERE slot_name = $1",
      [slot],
    );
    if (found?.active !== "true") return found?.made === "true";
    await delay(10);
  }
}

/** Transactions with adjacent commit records, several rows a statement, and a changed key. */
async function write(bed: TestBed, point: number): Promise<void> {
  await bed.sql.exec(`INSERT INTO account VALUES (${point}, 'a', 0)`);
  await bed.sql.exec(`
    BEGIN;
    INSERT INTO entry (account, amount, note) SELECT ${point}, g, 'x' FROM generate_series(1, 30) g;
    UPDATE account SET id = id + 100000 WHERE id = ${point};
    COMMIT;`);
  await bed.sql.exec(`DELETE FROM entry WHERE account = ${point} AND amount > 5`);
}
