// The end of every test of snapshots: they are complete, and the oracle finds nothing wrong with changes and rows.

import { delay } from "../../dev/servers/server_process.ts";
import type { CaptureProcess } from "./capture.ts";
import { readTopics } from "./consumer.ts";
import type { ExpectedTables } from "./expected_tables.ts";
import { assertHistory, type HistoryOptions, type HistoryRecord } from "./history.ts";
import { type JudgedBed, waitUntilConfirmed } from "./oracle.ts";
import type { ReadChecks } from "./reads.ts";
import { readSecondSlot } from "./second_slot.ts";
import { readTables } from "./table_rows.ts";

/** The state of a table's snapshot, as Kafka holds it. */
export interface StoredSnapshot {
  readonly id: string;
  readonly status: string;
  readonly rows: number;
  readonly reason: string | null;
  readonly again: readonly (readonly string[])[];
}

/** What is delivered about snapshots, by `schema.table`. */
export async function readStoredSnapshots(
  { brokers, topicPrefix }: Pick<JudgedBed, "brokers" | "topicPrefix">,
): Promise<ReadonlyMap<string, StoredSnapshot>> {
  const states = new Map<string, StoredSnapshot>();
  for (
    const { key, value } of await readTopics({ brokers, topics: [`${topicPrefix}.pg-capture.snapshots`] })
  ) {
    const { schema, table } = JSON.parse(key ?? "{}");
    if (typeof table !== "string") continue;
    if (value === null) states.delete(`${schema}.${table}`);
    else states.set(`${schema}.${table}`, JSON.parse(value));
  }
  return states;
}

const ENDED: readonly string[] = ["complete", "failed", "stopped"];
const POLL_MS = 300;

/**
 * Waits until the snapshots of these tables, `schema.table`, have ended in Kafka.
 * @throws Error with the states and the end of the log when that takes too long, or `capture` has ended
 */
export async function waitUntilSnapshotsEnd(
  bed: JudgedBed,
  capture: Pick<CaptureProcess, "running" | "log">,
  tables: readonly string[],
  timeoutMs = 60_000,
): Promise<ReadonlyMap<string, StoredSnapshot>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { running } = capture;
    const states = await readStoredSnapshots(bed);
    if (tables.every((table) => ENDED.includes(states.get(table)?.status ?? ""))) return states;
    if (Date.now() > deadline || !running) {
      const why = running ? `within ${timeoutMs} ms` : "before pg-capture ended";
      const found = [...states].map(([table, { status, rows }]) => `${table} ${status} ${rows}`).join(", ");
      throw new Error(`the snapshots did not end ${why}: ${found}\n${capture.log.slice(-15).join("\n")}`);
    }
    await delay(POLL_MS);
  }
}

/** How a test of snapshots is judged. */
export interface SnapshotOptions extends Omit<HistoryOptions, "reads" | "startedEmpty"> {
  readonly reads?: ReadChecks;
  readonly timeoutMs?: number;
  /** Makes what a consumer sees of the tables' rows; the rows as they are when not given. */
  readonly published?: (tables: ExpectedTables) => ExpectedTables;
  /** Whether the tables' last rows are held against the topics; true when not given. */
  readonly hasAllRows?: boolean;
}

/** What the topics had, for more questions. */
export interface JudgedSnapshot {
  readonly records: readonly HistoryRecord[];
  /** How many READs there were. */
  readonly reads: number;
}

/** Waits until all snapshots are complete and everything is delivered; then the oracle. The writers must be at rest. */
export async function assertSnapshots(
  bed: JudgedBed,
  capture: CaptureProcess,
  tables: readonly string[],
  { reads, timeoutMs = 60_000, published = (each) => each, hasAllRows = true, ...options }: SnapshotOptions =
    {},
): Promise<JudgedSnapshot> {
  const states = await waitUntilSnapshotsEnd(bed, capture, tables, timeoutMs);
  for (const table of tables) {
    const state = states.get(table);
    if (state?.status !== "complete") throw new Error(`${table} is ${state?.status}: ${state?.reason}`);
  }
  await waitUntilConfirmed(bed, capture, timeoutMs);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  const decoded = await readSecondSlot(bed.sql, bed.slot, bed.publication);
  if (bed.hasSecondSlot && decoded === null) throw new Error("the bed's second slot is gone");
  assertHistory(records, hasAllRows ? published(await readTables(bed.sql, tables)) : undefined, {
    startedEmpty: false,
    ...options,
    reads: reads ?? {},
    ...(decoded === null ? {} : { decoded }),
  });
  const count = records.filter(({ value }) => value?.includes('"op":"READ"')).length;
  return { records, reads: count };
}
