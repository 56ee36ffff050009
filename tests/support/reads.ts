// Judges the rows of snapshots: no key ever steps back to an older row, and each row comes once.

import { type Change, changeName, type Report } from "./changes.ts";
import type { ExpectedRow, ExpectedTables } from "./expected_tables.ts";
import { canonicalJson, jsonMembers, type JsonText } from "./json_text.ts";
import { ReplayedTable, rowText } from "./replay.ts";

/** What is known about the rows of snapshots. */
export interface ReadChecks {
  /** The rows of tables that have snapshots, as they were before the first change: each comes, or has changed. */
  readonly startedWith?: ExpectedTables;
  /** The snapshots that each of these tables had; `["initial"]` when not given. */
  readonly ids?: readonly string[];
  /** A column that every change of a row sets to a higher value than the row ever had, in tables that have it. */
  readonly versionColumn?: string;
  /** Whether columns were altered meanwhile: a READ may then differ from what was seen of its row before. */
  readonly isAltered?: boolean;
  /** Whether a snapshot may send rows again that did not change: it began anew, because its table was replaced. */
  readonly mayRepeat?: boolean;
}

/**
 * A READ has the row as it is at its place between the changes. So it equals what was seen of the row before; after
 * a DELETE there is none; and the versions of a row never decrease.
 * @param once changes in commit order, each of them once
 */
export function checkReads(once: readonly Change[], checks: ReadChecks, report: Report): void {
  const tables = new Map<string, TableReads>();
  for (const change of once) {
    if (change.table === null) continue;
    let table = tables.get(change.table);
    if (table === undefined) tables.set(change.table, table = new TableReads(checks, report));
    table.take(change);
  }
  for (const table of tables.values()) table.end();
  for (const [name, rows] of Object.entries(checks.startedWith ?? {})) {
    (tables.get(name) ?? new TableReads(checks, report)).checkStart(name, rows);
  }
}

/** What was seen of one row. */
interface Seen {
  /** The columns that are known; null when the row is known not to be there. */
  columns: ReadonlyMap<string, JsonText> | null;
  version: bigint | undefined;
  changes: number;
  /** READs by the id of the snapshot. */
  readonly reads: Map<string, number>;
}

/** Problems of one kind that a table reports, at most. */
const TOLD_MAX = 10;

class TableReads {
  readonly #checks: ReadChecks;
  readonly #report: Report;
  readonly #seen = new Map<JsonText, Seen>();
  /** Rows without a key, from the first one that a snapshot sent. */
  #keyless: ReplayedTable | undefined;
  /** Changes of rows that the last snapshot of a table without a key does not have. */
  readonly #keylessStale: string[] = [];
  #keyColumns: readonly string[] | undefined;
  #truncatedBy: Change | undefined;
  #changes = 0;
  /** The old row of a changed key, from its DELETE to the INSERT that follows. */
  #moved: ReadonlyMap<string, JsonText> | null = null;
  readonly #told = new Map<string, number>();

  constructor(checks: ReadChecks, report: Report) {
    this.#checks = checks;
    this.#report = report;
  }

  take(change: Change): void {
    if (change.op === "TRUNCATE") this.#truncate(change);
    else if (change.key === null) this.#takeKeyless(change);
    else if (change.op === "READ") this.#read(change, change.key, change.after ?? new Map());
    else this.#change(change, change.key);
    if (change.op !== "READ") this.#changes++;
  }

  /** All changes are taken. */
  end(): void {
    for (const text of this.#keylessStale) this.#tell("stale", text);
  }

  /** @param rows those before the first change */
  checkStart(name: string, rows: readonly ExpectedRow[]): void {
    const columns = this.#keyColumns;
    if (columns === undefined) {
      if (rows.length > 0 && this.#keyless === undefined && this.#truncatedBy === undefined) {
        this.#tell("snapshot", `${name}: none of ${rows.length} rows came`);
      }
      return;
    }
    const started = new Set<JsonText>();
    for (const row of rows) {
      const key = keyOf(row, columns);
      started.add(key);
      const seen = this.#seen.get(key);
      if ((seen?.changes ?? 0) > 0 || this.#truncatedBy !== undefined) continue;
      for (const id of this.#checks.ids ?? ["initial"]) {
        const reads = seen?.reads.get(id) ?? 0;
        if (reads === 1 || (reads > 1 && this.#checks.mayRepeat === true)) continue;
        this.#tell("snapshot", `${name} ${key}: the row never changed, and came ${reads} times in "${id}"`);
      }
    }
    for (const [key, { changes, reads }] of this.#seen) {
      if (changes > 0 || started.has(key) || this.#checks.mayRepeat === true) continue;
      this.#tell("snapshot", `${name} ${key}: ${[...reads.keys()]} has a row that was never there`);
    }
  }

  #read(change: Change, key: JsonText, after: ReadonlyMap<string, JsonText>): void {
    this.#keyColumns ??= [...jsonMembers(key)?.keys() ?? []];
    const seen = this.#seenOf(key);
    const id = change.snapshot ?? "";
    const count = (seen.reads.get(id) ?? 0) + 1;
    seen.reads.set(id, count);
    const { mayRepeat = false, isAltered = false } = this.#checks;
    if (!mayRepeat && count > 1 + seen.changes) {
      this.#tell(
        "snapshot",
        `${changeName(change)}, READ ${change.table} ${key}: it comes ${count} times, \
after ${seen.changes} changes`,
      );
    }
    if (!mayRepeat && this.#isGone(seen)) {
      this.#tell(
        "stale",
        `${changeName(change)}, READ ${change.table} ${key}: the row was taken away before`,
      );
    }
    if (!isAltered && !mayRepeat) {
      for (const [column, value] of seen.columns ?? []) {
        if (after.get(column) === value) continue;
        const [is, was] = [after.get(column), value].map((text) => text?.slice(0, 60));
        this.#tell(
          "stale",
          `${changeName(change)}, READ ${change.table} ${key}: ${column} is ${is}, \
and was ${was} before`,
        );
      }
    }
    this.#checkVersion(change, seen, after, false);
    seen.columns = after;
  }

  #change(change: Change, key: JsonText): void {
    this.#keyColumns ??= [...jsonMembers(key)?.keys() ?? []];
    const seen = this.#seenOf(key);
    seen.changes++;
    if (change.op === "DELETE") {
      this.#moved = change.keyChange ? seen.columns : null;
      seen.columns = null;
      return;
    }
    const old = change.op === "UPDATE" ? seen.columns : change.keyChange ? this.#moved : null;
    this.#moved = null;
    const after = new Map(change.after);
    for (const column of change.unchanged) {
      const value = old?.get(column);
      if (value !== undefined) after.set(column, value);
    }
    this.#checkVersion(change, seen, after, true);
    seen.columns = after;
  }

  /** @param isNew whether it has to be higher than before, not only as high */
  #checkVersion(change: Change, seen: Seen, after: ReadonlyMap<string, JsonText>, isNew: boolean): void {
    const { versionColumn } = this.#checks;
    const text = versionColumn === undefined ? undefined : after.get(versionColumn);
    if (text === undefined) return;
    const version = BigInt(text);
    const before = seen.version;
    if (before !== undefined && (version < before || (isNew && version === before))) {
      this.#tell(
        "stale",
        `${changeName(change)}, ${change.op} ${change.table} ${change.key}: \
version ${version} comes after ${before}`,
      );
    }
    seen.version = version;
  }

  #truncate(change: Change): void {
    if (change.snapshot !== null) {
      if (change.key !== null || this.#keyColumns !== undefined) {
        this.#tell(
          "snapshot",
          `${changeName(change)}: a snapshot truncates ${change.table}, which has a key`,
        );
      }
      // What came before was a snapshot that was interrupted: not all of its rows had come.
      this.#keylessStale.length = 0;
      this.#keyless = new ReplayedTable();
      return;
    }
    this.#keyless?.clear();
    this.#truncatedBy = change;
    for (const seen of this.#seen.values()) {
      seen.columns = null;
      seen.changes++;
    }
  }

  #takeKeyless(change: Change): void {
    if (change.op === "READ") {
      if (this.#keyless === undefined && this.#changes > 0) {
        this.#tell(
          "snapshot",
          `${changeName(change)}, READ ${change.table}: rows came before, and no TRUNCATE`,
        );
      }
      this.#keyless ??= new ReplayedTable();
      this.#keyless.add(new Map(change.after));
      return;
    }
    const rows = this.#keyless;
    if (rows === undefined) return;
    const { before, after } = change;
    if (before !== null && rows.take(rowText(before)) === undefined) {
      this.#keylessStale.push(
        `${changeName(change)}, ${change.op} ${change.table}: there is no such row after the \
snapshot, ${rowText(before).slice(0, 100)}`,
      );
    }
    if (after !== null) rows.add(new Map(after));
  }

  #isGone({ columns, changes }: Seen): boolean {
    return columns === null && (changes > 0 || this.#truncatedBy !== undefined);
  }

  #seenOf(key: JsonText): Seen {
    let seen = this.#seen.get(key);
    if (seen === undefined) {
      seen = { columns: null, version: undefined, changes: 0, reads: new Map() };
      this.#seen.set(key, seen);
    }
    return seen;
  }

  #tell(kind: "stale" | "snapshot", text: string): void {
    const told = (this.#told.get(kind) ?? 0) + 1;
    this.#told.set(kind, told);
    if (told <= TOLD_MAX) this.#report(kind, text);
  }
}

function keyOf(row: ExpectedRow, columns: readonly string[]): JsonText {
  const members = columns.map((column) =>
    `${JSON.stringify(column)}:${canonicalJson(row[column] ?? "null")}`
  );
  return canonicalJson(`{${members.join(",")}}`);
}
