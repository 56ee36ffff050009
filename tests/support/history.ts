// The judge of every test that hurts: whether what is in the topics is what happened in the database, exactly once.

import {
  type Change,
  changeName,
  compareChanges,
  type HistoryRecord,
  type Problem,
  readChanges,
  type Report,
} from "./changes.ts";
import { canonicalJson } from "./json_text.ts";
import { checkReads, type ReadChecks } from "./reads.ts";
import type { ExpectedTables } from "./expected_tables.ts";
import type { DecodedChange } from "./second_slot.ts";
import { replay, type ReplayedTable, rowText } from "./replay.ts";

export type { HistoryRecord, Problem, ProblemKind } from "./changes.ts";
export type { ExpectedRow, ExpectedTables } from "./expected_tables.ts";

/** What is known about the records. */
export interface HistoryOptions {
  /** Whether the tables were empty when capture began; true when not given. Else rows may appear by an update. */
  readonly startedEmpty?: boolean;
  /** What a second slot says was changed: then a lost change is noticed that leaves no trace in the tables, too. */
  readonly decoded?: readonly DecodedChange[];
  /** Whether topics got more partitions meanwhile; false when not given. Then a row's changes may be in several. */
  readonly partitionsAdded?: boolean;
  /** Whether changes can be replayed; true when not given. Not where a table's key changed in mid-transaction. */
  readonly replays?: boolean;
  /** What is known about the rows of snapshots; not looked at when not given. */
  readonly reads?: ReadChecks;
}

/**
 * Everything that is wrong with the records; empty when nothing is.
 *
 * Each `(commit_lsn, tx_seq)` of a database is there once, each partition is in commit order, each row's changes are
 * in one partition, each change that the second slot decodes is there, and replaying all of it in commit order gives
 * the rows of `expected`, value by value, digit by digit.
 */
export function checkHistory(
  records: readonly HistoryRecord[],
  expected?: ExpectedTables,
  options: HistoryOptions = {},
): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (kind, text) => {
    problems.push({ kind, text });
  };
  const changes = readChanges(records, report);
  const once = checkIdentities(changes, report);
  checkOrder(changes, report);
  if (!options.partitionsAdded) checkPartitions(changes, report);
  if (options.reads !== undefined) checkReads(once, options.reads, report);
  if (options.decoded !== undefined) checkDecoded(once, options.decoded, report);
  if (options.replays === false) return problems;
  const tables = replay(once, options.startedEmpty ?? true, report);
  if (expected !== undefined) checkRows(tables, expected, report);
  return problems;
}

/** Problems that a failed assertion tells of, at most. */
const PROBLEMS_TOLD_MAX = 20;

/**
 * `checkHistory` as an assertion.
 * @throws Error that tells of the first problems
 */
export function assertHistory(
  records: readonly HistoryRecord[],
  expected?: ExpectedTables,
  options: HistoryOptions = {},
): void {
  const problems = checkHistory(records, expected, options);
  if (problems.length === 0) return;
  const told = problems.slice(0, PROBLEMS_TOLD_MAX).map(({ kind, text }) => `${kind}: ${text}`);
  throw new Error(`${problems.length} problems in ${records.length} records\n${told.join("\n")}`);
}

/** In commit order, with the repeated ones reported and left out. */
function checkIdentities(changes: readonly Change[], report: Report): readonly Change[] {
  const once: Change[] = [];
  for (const change of changes.toSorted(compareChanges)) {
    const previous = once.at(-1);
    if (previous !== undefined && compareChanges(previous, change) === 0) {
      report("repeated", `${changeName(change)} is there twice: ${previous.place}, ${change.place}`);
    } else {
      once.push(change);
    }
  }
  return once;
}

function checkOrder(changes: readonly Change[], report: Report): void {
  const last = new Map<string, Change>();
  for (const change of changes) {
    const lane = `${change.partition} ${change.database}`;
    const previous = last.get(lane);
    if (previous !== undefined && compareChanges(previous, change) > 0) {
      report("order", `${changeName(change)} at ${change.place} comes after ${changeName(previous)}`);
    }
    last.set(lane, change);
  }
}

function checkPartitions(changes: readonly Change[], report: Report): void {
  const partitionOfKey = new Map<string, string>();
  for (const change of changes) {
    if (change.key === null || change.op === "MESSAGE") continue;
    const row = `${change.table} ${change.key}`;
    const partition = partitionOfKey.get(row);
    if (partition === undefined) partitionOfKey.set(row, change.partition);
    else if (partition !== change.partition) {
      report("partition", `${change.table} has key ${change.key} in ${partition} and in ${change.partition}`);
    }
  }
}

/** Held against each other by commit LSN and the change's own, an update being one record or a key change's two. */
function checkDecoded(once: readonly Change[], decoded: readonly DecodedChange[], report: Report): void {
  const place = (change: { readonly commitLsn: bigint; readonly lsn: string }) =>
    `${change.commitLsn} ${change.lsn}`;
  const found = Map.groupBy(once.filter(({ snapshot }) => snapshot === null), place);
  const expected = Map.groupBy(decoded, place);
  for (const [key, changes] of expected) {
    const there = found.get(key) ?? [];
    const halves = (op: string) => there.filter((each) => each.keyChange && each.op === op).length;
    // The other way round is right: a DELETE delivered before a restart, and after it the UPDATE as one record.
    if (halves("INSERT") > halves("DELETE")) {
      report("lost", `${changeName(there[0]!)}: the DELETE of a changed key is not there`);
    }
    const records = there.map(recordKind).filter((kind) => kind !== "").sort().join(" ");
    const due = changes.flatMap(({ kind, count }) => new Array<string>(count).fill(kind)).sort().join(" ");
    if (records === due) continue;
    const { commitLsn, lsn } = changes[0]!;
    report(
      "lost",
      `${changeName({ commitLsn, seq: 0 })}, LSN ${lsn}: ${due} was decoded, "${records}" is there`,
    );
  }
  for (const [key, records] of found) {
    if (!expected.has(key)) report("lost", `${changeName(records[0]!)} is there and was never decoded`);
  }
}

/** A key change counts as the update that it is, by the second of its records. */
function recordKind({ op, keyChange }: Change): string {
  if (!keyChange) return op.toLowerCase();
  return op === "INSERT" ? "update" : "";
}

/** Rows of a table that are named in problems, at most. */
const ROWS_NAMED_MAX = 5;

function checkRows(
  tables: ReadonlyMap<string, ReplayedTable>,
  expected: ExpectedTables,
  report: Report,
): void {
  for (const [table, expectedRows] of Object.entries(expected)) {
    const counts = new Map<string, number>();
    const count = (text: string, by: number) => counts.set(text, (counts.get(text) ?? 0) + by);
    for (const row of expectedRows) {
      count(
        rowText(new Map(Object.entries(row).map(([column, value]) => [column, canonicalJson(value)]))),
        1,
      );
    }
    for (const row of tables.get(table)?.rows() ?? []) count(rowText(row), -1);
    const lacking = [...counts].filter(([, by]) => by > 0);
    const extra = [...counts].filter(([, by]) => by < 0);
    for (const [text] of lacking.slice(0, ROWS_NAMED_MAX)) {
      report("rows", `${table} lacks ${shortened(text)}`);
    }
    for (const [text] of extra.slice(0, ROWS_NAMED_MAX)) {
      report("rows", `${table} should not have ${shortened(text)}`);
    }
    if (lacking.length + extra.length > 0) {
      report(
        "rows",
        `${table}: ${lacking.length} rows are missing or different, ${extra.length} are too many`,
      );
    }
  }
}

/** Without most of its long values. */
function shortened(text: string): string {
  return text.replaceAll(/([^"]{60})[^"]{60,}/g, "$1…");
}
