// The judge of every test that hurts: whether what is in the topics is what happened in the database, exactly once.

import { canonicalJson, jsonMembers, type JsonText } from "./json_text.ts";

/** A record as an independent consumer read it, in the order of its partition. */
export interface HistoryRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** A table's row: JSON of each column's value, as SPEC section 4 writes it; `readTable` asks PostgreSQL for it. */
export type ExpectedRow = Readonly<Record<string, string>>;

/** By `schema.table`. */
export type ExpectedTables = Readonly<Record<string, readonly ExpectedRow[]>>;

/** What kind of thing is wrong. */
export type ProblemKind =
  /** A record is not an envelope. */
  | "malformed"
  /** A change is there twice. */
  | "repeated"
  /** A transaction's changes are not numbered 1, 2, 3, …: some are lost. */
  | "gap"
  /** A partition's changes are not in commit order. */
  | "order"
  /** The changes of a row are in more than one partition. */
  | "partition"
  /** A change does not fit on what came before: an update of a row that is not there. */
  | "replay"
  /** Replaying the topics does not give the tables' rows. */
  | "rows";

/** One thing that is wrong. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly text: string;
}

/** What is known about the records. */
export interface HistoryOptions {
  /** Whether the tables were empty when capture began; true when not given. Else rows may appear by an update. */
  readonly startedEmpty?: boolean;
  /** Whether every topic was read; true when not given. Else transactions may have gaps. */
  readonly allTopics?: boolean;
}

/**
 * Everything that is wrong with the records; empty when nothing is.
 *
 * Each `(commit_lsn, tx_seq)` of a database is there once, a transaction's changes are numbered from 1 without a
 * gap, each partition is in commit order, each row's changes are in one partition, and replaying all of it in
 * commit order gives the rows of `expected`, value by value, digit by digit.
 */
export function checkHistory(
  records: readonly HistoryRecord[],
  expected?: ExpectedTables,
  options: HistoryOptions = {},
): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (kind: ProblemKind, text: string) => {
    problems.push({ kind, text });
  };
  const changes = readChanges(records, report);
  const once = checkIdentities(changes, report);
  checkPartitions(changes, report);
  if (options.allTopics ?? true) checkGaps(once, report);
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

type Report = (kind: ProblemKind, text: string) => void;

type Row = Map<string, JsonText>;

interface Change {
  readonly place: string;
  /** `topic/partition`. */
  readonly partition: string;
  /** `schema.table`; null for a logical message. */
  readonly table: string | null;
  readonly op: "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "READ" | "MESSAGE";
  readonly database: string;
  readonly commitLsn: bigint;
  readonly seq: number;
  readonly keyChange: boolean;
  readonly unchanged: readonly string[];
  readonly key: JsonText | null;
  readonly before: ReadonlyMap<string, JsonText> | null;
  readonly after: ReadonlyMap<string, JsonText> | null;
}

function readChanges(records: readonly HistoryRecord[], report: Report): readonly Change[] {
  const changes: Change[] = [];
  /** The last change of each partition: a tombstone belongs to it. */
  const last = new Map<string, Change>();
  for (const record of records) {
    const place = `${record.topic}/${record.partition} at ${record.offset}`;
    const partition = `${record.topic}/${record.partition}`;
    try {
      if (record.value === null) {
        const deleted = last.get(partition);
        const key = record.key === null ? null : canonicalJson(record.key);
        if (key === null || deleted?.op !== "DELETE" || deleted.key !== key) {
          report("malformed", `${place}: a null value that does not follow the DELETE of its key`);
        }
        continue;
      }
      const change = readChange(record.key, record.value, place, partition);
      changes.push(change);
      last.set(partition, change);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      report("malformed", `${place}: ${error.message}`);
    }
  }
  return changes;
}

const OPERATIONS: readonly string[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ", "MESSAGE"];

function readChange(key: string | null, value: string, place: string, partition: string): Change {
  const members = jsonMembers(value);
  const parsed = JSON.parse(value) as Record<string, unknown> | null;
  const op = parsed?.["op"];
  const source = parsed?.["source"] as Record<string, unknown> | null | undefined;
  if (members === null || typeof op !== "string" || !OPERATIONS.includes(op)) throw new SyntaxError("no op");
  const lsn = source?.["commit_lsn"];
  const seq = source?.["tx_seq"];
  const database = source?.["db"];
  if (typeof lsn !== "string" || typeof seq !== "number" || typeof database !== "string") {
    throw new SyntaxError("no source.commit_lsn, source.tx_seq and source.db");
  }
  const schema = parsed?.["schema"];
  const table = parsed?.["table"];
  return {
    place,
    partition,
    table: typeof schema === "string" && typeof table === "string" ? `${schema}.${table}` : null,
    op: op as Change["op"],
    database,
    commitLsn: lsnNumber(lsn),
    seq,
    keyChange: source?.["key_change"] === true,
    unchanged: (source?.["unchanged"] ?? []) as readonly string[],
    key: key === null ? null : canonicalJson(key),
    before: jsonMembers(members.get("before") ?? "null"),
    after: jsonMembers(members.get("after") ?? "null"),
  };
}

/** Of its own making, so that the program's reading of an LSN is judged too. */
function lsnNumber(text: string): bigint {
  const [high, low, ...rest] = text.split("/");
  if (!high || !low || rest.length > 0) throw new SyntaxError(`"${text}" is not an LSN`);
  return BigInt(`0x${high}`) * 2n ** 32n + BigInt(`0x${low}`);
}

function compare(a: Change, b: Change): number {
  if (a.database !== b.database) return a.database < b.database ? -1 : 1;
  if (a.commitLsn !== b.commitLsn) return a.commitLsn < b.commitLsn ? -1 : 1;
  return a.seq - b.seq;
}

/** In commit order, with the repeated ones reported and left out. */
function checkIdentities(changes: readonly Change[], report: Report): readonly Change[] {
  const once: Change[] = [];
  for (const change of changes.toSorted(compare)) {
    const previous = once.at(-1);
    if (previous !== undefined && compare(previous, change) === 0) {
      report("repeated", `${name(change)} is there twice: ${previous.place}, ${change.place}`);
    } else {
      once.push(change);
    }
  }
  return once;
}

function checkPartitions(changes: readonly Change[], report: Report): void {
  const last = new Map<string, Change>();
  const partitionOfKey = new Map<string, string>();
  for (const change of changes) {
    const lane = `${change.partition} ${change.database}`;
    const previous = last.get(lane);
    if (previous !== undefined && compare(previous, change) > 0) {
      report("order", `${name(change)} at ${change.place} comes after ${name(previous)}`);
    }
    last.set(lane, change);
    if (change.key === null || change.op === "MESSAGE") continue;
    const row = `${change.table} ${change.key}`;
    const partition = partitionOfKey.get(row);
    if (partition === undefined) partitionOfKey.set(row, change.partition);
    else if (partition !== change.partition) {
      report("partition", `${change.table} has key ${change.key} in ${partition} and in ${change.partition}`);
    }
  }
}

function checkGaps(once: readonly Change[], report: Report): void {
  let previous: Change | undefined;
  for (const change of once) {
    const same = previous?.commitLsn === change.commitLsn && previous.database === change.database;
    const due = same && previous !== undefined ? previous.seq + 1 : 1;
    if (change.seq !== due) {
      report("gap", `${name(change)} is the next after ${due - 1}: ${change.seq - due} changes are missing`);
    }
    previous = change;
  }
}

/** The rows by key; those of a table without a key by themselves, each with how often it is there. */
class ReplayedTable {
  readonly #rows = new Map<string, { readonly row: Row; count: number }>();

  rows(): readonly Row[] {
    return [...this.#rows.values()].flatMap(({ row, count }) => Array.from({ length: count }, () => row));
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  set(key: string, row: Row): void {
    this.#rows.set(key, { row, count: 1 });
  }

  add(row: Row): void {
    const entry = this.#rows.get(rowText(row));
    if (entry === undefined) this.set(rowText(row), row);
    else entry.count++;
  }

  /** Takes one row away and returns it. */
  take(key: string): Row | undefined {
    const entry = this.#rows.get(key);
    if (entry === undefined) return undefined;
    if (entry.count > 1) entry.count--;
    else this.#rows.delete(key);
    return entry.row;
  }

  /** The key under which a row is whose columns are those of `columns`: a key may be another than the last time. */
  find(columns: ReadonlyMap<string, JsonText>): string | undefined {
    for (const [key, { row }] of this.#rows) {
      if ([...columns].every(([column, value]) => row.get(column) === value)) return key;
    }
    return undefined;
  }

  clear(): void {
    this.#rows.clear();
  }
}

function replay(
  once: readonly Change[],
  startedEmpty: boolean,
  report: Report,
): ReadonlyMap<string, ReplayedTable> {
  const tables = new Map<string, ReplayedTable>();
  /** The old row of a changed key, from its DELETE to the INSERT that follows. */
  let moved: Row | undefined;
  for (const change of once) {
    if (change.table === null) continue;
    let table = tables.get(change.table);
    if (table === undefined) tables.set(change.table, table = new ReplayedTable());
    const fail = (found: string) =>
      report("replay", `${name(change)}, ${change.op} ${change.table} ${change.key}: ${found}`);
    switch (change.op) {
      case "INSERT":
      case "READ":
      case "UPDATE": {
        const old = change.op !== "INSERT" ? takeOld(table, change) : change.keyChange ? moved : undefined;
        moved = undefined;
        if (change.op === "UPDATE" && old === undefined && startedEmpty) fail("there is no such row");
        if (change.op === "INSERT" && change.key !== null && table.has(change.key)) {
          fail("the row is there already");
        }
        putNew(table, change, old, startedEmpty ? fail : () => {});
        break;
      }
      case "DELETE": {
        const old = takeOld(table, change);
        if (old === undefined && startedEmpty) fail("there is no such row");
        if (change.keyChange) moved = old;
        break;
      }
      case "TRUNCATE":
        table.clear();
        break;
      case "MESSAGE":
        break;
    }
  }
  return tables;
}

function takeOld(table: ReplayedTable, change: Change): Row | undefined {
  if (change.key === null) return change.before === null ? undefined : table.take(rowText(change.before));
  if (table.has(change.key)) return table.take(change.key);
  const columns = jsonMembers(change.key);
  const key = columns === null || change.op === "READ" ? undefined : table.find(columns);
  return key === undefined ? undefined : table.take(key);
}

function putNew(
  table: ReplayedTable,
  change: Change,
  old: Row | undefined,
  fail: (found: string) => void,
): void {
  if (change.after === null) return fail("there is no after");
  const row: Row = new Map(change.after);
  for (const column of change.unchanged) {
    const value = old?.get(column);
    if (row.has(column)) fail(`column ${column} is said to be unchanged, and is there`);
    else if (value === undefined) fail(`column ${column} is unchanged, and was never there`);
    else row.set(column, value);
  }
  if (change.key === null) table.add(row);
  else table.set(change.key, row);
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
    for (const [text] of lacking.slice(0, ROWS_NAMED_MAX)) report("rows", `${table} lacks ${text}`);
    for (const [text] of extra.slice(0, ROWS_NAMED_MAX)) report("rows", `${table} should not have ${text}`);
    if (lacking.length + extra.length > 0) {
      report(
        "rows",
        `${table}: ${lacking.length} rows are missing or different, ${extra.length} are too many`,
      );
    }
  }
}

/** A row's text, whatever the order of its columns. */
function rowText(row: ReadonlyMap<string, JsonText>): string {
  const columns = [...row].sort(([a], [b]) => a < b ? -1 : 1);
  return `{${columns.map(([column, value]) => `${JSON.stringify(column)}:${value}`).join(",")}}`;
}

function name({ commitLsn, seq }: Change): string {
  return `change ${(commitLsn >> 32n).toString(16).toUpperCase()}/${
    (commitLsn & 0xffffffffn).toString(16).toUpperCase()
  } ${seq}`;
}
