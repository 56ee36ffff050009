// Logical messages beside a transaction's commit record: message and rows have identities of their own.

import { ok } from "node:assert";
import type { PostgresMajor } from "../../dev/servers/postgres.ts";
import { sql } from "../../dev/servers/psql.ts";
import { assertExactlyOnce, createFaultBed, type FaultBed, startStreaming } from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { readSecondSlot } from "../support/second_slot.ts";
import { quickTest, slowTest } from "../support/speed.ts";

const MESSAGES = { PG_MESSAGES: "*" };

for (const major of [14, 17, 18] as const) {
  const test = major === 17 ? quickTest : slowTest;
  test(
    `a message right before its transaction's commit record, a restart between: each is there once (PostgreSQL ${major})`,
    async () => {
      await using bed = await createFaultBed({ postgres: { major } });
      let capture = await startStreaming(bed, MESSAGES);
      try {
        for (const emit of emits(major)) {
          await commitBehind(bed, emit, () => Promise.resolve());
          for (const end of major === 17 ? ["kill"] as const : ["terminate", "kill"] as const) {
            await commitBehind(bed, emit, async () => {
              await waitUntilConfirmed(bed, capture);
              await capture[end]();
              capture = await startStreaming(bed, MESSAGES);
            });
          }
        }
        await assertExactlyOnce(bed, capture);
        ok(await countTouching(bed) > 0, "no commit record followed its message directly");
      } finally {
        await capture.kill();
      }
    },
  );
}

/** The ways to write one. */
function emits(major: PostgresMajor): readonly string[] {
  const ways = ["pg_logical_emit_message(false, 'p', 'x')"];
  return major < 17 ? ways : [...ways, "pg_logical_emit_message(false, 'p', 'x', true)"];
}

let rows = 0;

/** A row and a message outside of the transaction; then `between`; then the commit, whose record follows directly. */
async function commitBehind(bed: FaultBed, emit: string, between: () => Promise<void>): Promise<void> {
  await using writer = await sql(bed.postgres);
  await writer.exec(`BEGIN; INSERT INTO account VALUES (${++rows}, 'row', 0)`);
  await writer.exec(`SELECT ${emit}`);
  await between();
  await writer.exec("COMMIT");
}

/** How many transactions commit right where a message ends. */
async function countTouching({ sql, slot, publication }: FaultBed): Promise<number> {
  const decoded = await readSecondSlot(sql, slot, publication) ?? [];
  const ends = new Set(decoded.filter(({ kind }) => kind === "message").map(({ commitLsn }) => commitLsn));
  return decoded.filter(({ kind, commitLsn }) => kind === "insert" && ends.has(commitLsn)).length;
}
