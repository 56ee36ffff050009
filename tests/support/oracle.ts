// The end of every test of delivery: all topics read read-committed, and held against the tables.

import type { CaptureProcess } from "./capture.ts";
import { readTopics } from "./consumer.ts";
import { assertHistory, type HistoryOptions } from "./history.ts";
import type { TestBed } from "./servers.ts";
import { readSecondSlot } from "./second_slot.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { readTables } from "./table_rows.ts";

/** What the oracle looks at. */
export type JudgedBed =
  & Pick<TestBed, "sql" | "slot" | "publication" | "brokers" | "topicPrefix">
  & Partial<Pick<TestBed, "hasSecondSlot">>;

const CONFIRM_TIMEOUT_MS = 60_000;

/**
 * Waits until the slot is confirmed up to the end of what is written now.
 * @throws Error with the end of the log when that takes too long, or `capture` has ended
 */
export async function waitUntilConfirmed(
  bed: JudgedBed,
  capture: CaptureProcess,
  timeoutMs = CONFIRM_TIMEOUT_MS,
): Promise<void> {
  const end = await bed.sql.value("SELECT pg_current_wal_insert_lsn()");
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const confirmed = await bed.sql.value(
      "SELECT confirmed_flush_lsn >= $1::pg_lsn FROM pg_replication_slots WHERE slot_name = $2",
      [end ?? "0/0", bed.slot],
    );
    if (confirmed === "t") return;
    if (Date.now() > deadline || !capture.running) {
      const why = capture.running ? `within ${timeoutMs} ms` : "before pg-capture ended";
      throw new Error(`the slot was not confirmed up to ${end} ${why}
${capture.log.slice(-15).join("\n")}`);
    }
    await delay(50);
  }
}

/**
 * The oracle: each change once, in order, and the topics replayed give the tables. Where the bed has a second slot,
 * each change that PostgreSQL decodes there is in the topics, and nothing else.
 * @returns how many records there were
 */
export async function assertDelivered(
  bed: JudgedBed,
  tables: readonly string[],
  options: HistoryOptions = {},
): Promise<number> {
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  const decoded = await readSecondSlot(bed.sql, bed.slot, bed.publication);
  if (bed.hasSecondSlot && decoded === null) throw new Error("the bed's second slot is gone");
  assertHistory(records, await readTables(bed.sql, tables), {
    ...options,
    ...(decoded === null ? {} : { decoded }),
  });
  return records.length;
}
