// The oracle of a snapshot: identities, and what a consumer that applies the topics in order has at every moment.

import { parseLsn } from "../../../src/core/position.ts";
import type { Lsn } from "../../../src/core/position.ts";
import type { ChangingTables } from "./changing_tables.ts";
import type { SimulatedRecord } from "./simulated_kafka.ts";

/** Calls `violate` with each rule that is broken. @param slotFrom what commits below it is not in the stream */
export function judgeSnapshot(
  records: readonly SimulatedRecord[],
  tables: ChangingTables,
  slotFrom: Lsn,
  violate: (rule: string) => void,
): void {
  judgeIdentities(records, violate);
  judgeKeyed(records, tables, slotFrom, violate);
  judgeBag(records, tables, violate);
}

function judgeIdentities(records: readonly SimulatedRecord[], violate: (rule: string) => void): void {
  let last: readonly [Lsn, number] = [0n, 0];
  for (const { commitLsn, seq, envelope } of records) {
    const place: readonly [Lsn, number] = [parseLsn(commitLsn)!, seq];
    const isLater = place[0] > last[0] || (place[0] === last[0] && place[1] > last[1]);
    if (!isLater) violate(`${envelope.op} ${commitLsn}#${seq} comes after ${last[0]}#${last[1]}`);
    last = place;
  }
}

function judgeKeyed(
  records: readonly SimulatedRecord[],
  tables: ChangingTables,
  slotFrom: Lsn,
  violate: (rule: string) => void,
): void {
  const writtenAt = writers(tables);
  const rows = new Map<number, FoldedRow>();
  /** Where the last change of each key commits that the consumer has seen. */
  const changedAt = new Map<number, Lsn>();
  const reads = new Map<number, number>();
  let moved: FoldedRow | undefined;
  for (const { commitLsn, seq, envelope } of records) {
    if (envelope.table !== "keyed") continue;
    const at = parseLsn(commitLsn)!;
    const { op, after, before, source } = envelope;
    if (op === "TRUNCATE") {
      rows.clear();
      for (let id = 0; id < 100; id++) changedAt.set(id, at);
      continue;
    }
    const id = Number((after ?? before)!.id);
    if (op === "DELETE") {
      moved = source.key_change ? rows.get(id) : undefined;
      rows.delete(id);
      changedAt.set(id, at);
      continue;
    }
    const row: FoldedRow = { id, version: Number(after!.version), big: after!.big as string | undefined };
    if (op === "READ") {
      reads.set(id, (reads.get(id) ?? 0) + 1);
      const written = writtenAt.get(row.version) ?? 0n;
      if (written < (changedAt.get(id) ?? 0n)) {
        violate(`key ${id} steps back to version ${row.version} at ${commitLsn}#${seq}`);
      }
      if (row.big === undefined) violate(`a READ without a value at ${commitLsn}#${seq}`);
    } else {
      if (source.unchanged?.includes("big")) row.big = (rows.get(id) ?? moved)?.big;
      changedAt.set(id, at);
    }
    moved = undefined;
    rows.set(id, row);
  }
  const { keyed } = tables.last;
  for (const [id, expected] of keyed) {
    const found = rows.get(id);
    if (found?.version !== expected.version || found.big !== expected.big) {
      violate(`key ${id} is ${JSON.stringify(found)}, and should be ${JSON.stringify(expected)}`);
    }
  }
  for (const id of rows.keys()) if (!keyed.has(id)) violate(`key ${id} should not be there`);
  for (const [id, first] of keyed) {
    // Never changed since the slot: once.
    const written = writtenAt.get(first.version) ?? 0n;
    const isQuiet = written < slotFrom && !isTouched(tables, id, slotFrom);
    if (isQuiet && reads.get(id) !== 1) {
      violate(`key ${id} did not change and was read ${reads.get(id) ?? 0} times`);
    }
  }
}

/** A row as a consumer knows it. */
interface FoldedRow {
  readonly id: number;
  readonly version: number;
  big: string | undefined;
}

function isTouched(tables: ChangingTables, id: number, from: Lsn): boolean {
  return tables.transactions.some(({ commitLsn, changes }) =>
    commitLsn >= from &&
    changes.some((change) =>
      change.kind === "truncate" ||
      (change.kind === "put" && (change.row.id === id || change.old?.id === id)) ||
      (change.kind === "remove" && change.old.id === id)
    )
  );
}

/** Where each version was committed. */
function writers(tables: ChangingTables): ReadonlyMap<number, Lsn> {
  const at = new Map<number, Lsn>();
  for (const { commitLsn, changes } of tables.transactions) {
    for (const change of changes) if (change.kind === "put") at.set(change.row.version, commitLsn);
  }
  return at;
}

function judgeBag(
  records: readonly SimulatedRecord[],
  tables: ChangingTables,
  violate: (rule: string) => void,
): void {
  const counts = new Map<number, number>();
  for (const { commitLsn, seq, envelope: { table, op, after, before } } of records) {
    if (table !== "bag") continue;
    if (op === "TRUNCATE") {
      counts.clear();
      continue;
    }
    const value = Number((after ?? before)!.value);
    const count = (counts.get(value) ?? 0) + (op === "DELETE" ? -1 : 1);
    // Before its snapshot, rows are removed that no consumer has seen.
    if (count < 0) counts.delete(value);
    else counts.set(value, count);
    if (count < 0 && hasBegun(records, commitLsn, seq)) {
      violate(`value ${value} is removed before it is there`);
    }
  }
  const expected = new Map<number, number>();
  for (const value of tables.last.bag) expected.set(value, (expected.get(value) ?? 0) + 1);
  for (let value = 1; value <= 5; value++) {
    const [found, due] = [counts.get(value) ?? 0, expected.get(value) ?? 0];
    if (found !== due) violate(`value ${value} is there ${found} times, and should be ${due} times`);
  }
}

/** Whether the last snapshot of the table has begun before this record. */
function hasBegun(records: readonly SimulatedRecord[], commitLsn: string, seq: number): boolean {
  const at = parseLsn(commitLsn)!;
  const bag = records.filter(({ envelope }) => envelope.table === "bag");
  const first =
    bag.findLast(({ envelope: { op, source } }) => op === "TRUNCATE" && source.snapshot !== undefined) ??
      bag.find(({ envelope }) => envelope.op === "READ");
  if (first === undefined) return false;
  const begun = parseLsn(first.commitLsn)!;
  return at > begun || (at === begun && seq > first.seq);
}
