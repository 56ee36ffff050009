// The judge of snapshots: a right one passes, and each fault that is planted in one is found.

import { deepStrictEqual, ok } from "node:assert";
import { checkHistory, type HistoryRecord, type Problem } from "../../support/history.ts";
import type { ReadChecks } from "../../support/reads.ts";

const STARTED = { "public.item": [row(1, 10), row(2, 11), row(3, 12)] };

Deno.test("rows that come once, between the changes of others, have no problems", () => {
  deepStrictEqual(
    judge([
      read("0/1F", 1, 1, 10),
      update("0/20", 2, 2, 20),
      read("0/2F", 1, 2, 20),
      read("0/2F", 2, 3, 12),
      remove("0/30", 1, 1),
      insert("0/40", 1, 1, 30),
    ]),
    [],
  );
});

Deno.test("a row that never changed is missing", () => {
  found(judge([read("0/1F", 1, 1, 10), read("0/1F", 2, 2, 11)]), "snapshot", 'item {"id":3}: the row never');
});

Deno.test("a row that never changed comes twice", () => {
  const records = [...all(), read("0/2F", 1, 2, 11)];
  found(judge(records), "snapshot", "it comes 2 times, after 0 changes");
  deepStrictEqual(judge(records, { mayRepeat: true }), []);
  deepStrictEqual(judge([...all(), ...all("0/2F", "again")], { ids: ["initial", "again"] }), []);
  found(judge(all(), { ids: ["initial", "again"] }), "snapshot", 'came 0 times in "again"');
});

Deno.test("a row that was never there comes", () => {
  found(judge([...all(), read("0/2F", 1, 4, 13)]), "snapshot", "a row that was never there");
});

Deno.test("none of a table's rows come", () => {
  found(judge([]), "snapshot", "public.item: none of 3 rows came");
});

Deno.test("a READ is older than a change before it", () => {
  const records = [
    update("0/10", 2, 2, 20),
    read("0/1F", 1, 1, 10),
    read("0/1F", 2, 2, 11),
    read("0/1F", 3, 3, 12),
  ];
  found(judge(records), "stale", "version 11 comes after 20");
  found(judge(records, {}), "stale", "version is 11, and was 20 before");
});

Deno.test("a READ is newer than a change that follows", () => {
  const records = [
    ...all().slice(0, 2),
    read("0/1F", 3, 3, 21),
    update("0/20", 2, 3, 20),
    update("0/30", 2, 3, 21),
  ];
  found(judge(records), "stale", "version 20 comes after 21");
  found(judge([...records.slice(0, 3), update("0/30", 2, 3, 21)]), "stale", "version 21 comes after 21");
});

Deno.test("a READ brings a row back that was deleted, moved or truncated", () => {
  const rest = all().slice(1);
  found(judge([remove("0/10", 1, 1), ...all()]), "stale", "the row was taken away before");
  const moved = [remove("0/10", 1, 1, { key_change: true }), insert("0/10", 2, 9, 20, { key_change: true })];
  found(judge([...moved, ...all()]), "stale", 'READ public.item {"id":1}: the row was taken away');
  deepStrictEqual(judge([...moved, ...rest]), []);
  found(judge([truncate("0/10"), ...all()]), "stale", "the row was taken away before");
  deepStrictEqual(judge([truncate("0/10")]), []);
});

Deno.test("a READ lacks a value that was seen, and only that is held against it", () => {
  const records = (after: Members) => [
    change("0/10", 2, "UPDATE", { id: "2" }, row(2, 20), { unchanged: ["big"] }),
    change("0/11", 1, "READ", { id: "2" }, after, { snapshot: "initial", xid: 0 }),
    ...all().filter(({ key }) => key !== '{"id":2}').map((each, index) => ({ ...each, offset: index + 2 })),
  ];
  deepStrictEqual(judge(records({ ...row(2, 20), big: '"B"' })), []);
  found(judge(records({ id: "2", big: '"B"' })), "stale", "version is undefined, and was 20 before");
});

Deno.test("an unchanged value that was never seen has to come by READ", () => {
  const changed = change("0/10", 2, "UPDATE", { id: "2" }, row(2, 20), { unchanged: ["big"] });
  const tables = { "public.item": [{ ...row(2, 20), big: '"B"' }] };
  const options = { startedEmpty: false };
  found(checkHistory([changed], tables, options), "rows", "public.item lacks");
  const again = change("0/1F", 1, "READ", { id: "2" }, { ...row(2, 20), big: '"B"' }, {
    snapshot: "initial",
    xid: 0,
  });
  deepStrictEqual(checkHistory([changed, { ...again, offset: 1 }], tables, options), []);
});

Deno.test("rows without a key come after a TRUNCATE, and each change after it finds its row", () => {
  const keyless = { key: null };
  const begin = { ...truncate("0/1F", { snapshot: "initial" }), ...keyless };
  const reads = [read("0/1F", 2, 1, 10), read("0/1F", 3, 1, 10)].map((each) => ({ ...each, ...keyless }));
  const early = { ...change("0/10", 1, "INSERT", {}, row(1, 10)), ...keyless };
  const gone = { ...change("0/20", 1, "DELETE", {}, null, {}, row(1, 10)), ...keyless };
  const number = (records: readonly HistoryRecord[]) => records.map((each, offset) => ({ ...each, offset }));
  const checks = { startedWith: { "public.item": [row(1, 10)] } };
  deepStrictEqual(judge(number([early, begin, ...reads, gone, gone].map(spread)), checks), []);
  found(judge(number([early, ...reads]), checks), "snapshot", "rows came before, and no TRUNCATE");
  deepStrictEqual(judge(number(reads), checks), []);
  found(
    judge(number([...reads, gone, gone, gone].map(spread)), checks),
    "stale",
    "there is no such row after the snapshot",
  );
  found(judge([...all(), truncate("0/2F", { snapshot: "initial" })], {}), "snapshot", "which has a key");
});

Deno.test("a READ belongs to a snapshot and to no transaction", () => {
  const [first] = all();
  ok(first);
  const without = { ...first, value: first.value!.replace('"snapshot":"initial",', "") };
  found(judge([without], {}), "malformed", "a READ that belongs to no snapshot");
  found(judge([{ ...first, value: first.value!.replace('"xid":0', '"xid":7') }], {}), "malformed", "READ");
});

type Members = Readonly<Record<string, string>>;

/** Identities are taken from the place, so that records may be given twice. */
function spread(record: HistoryRecord, index: number): HistoryRecord {
  const lsn = `0/${(0x100 + index).toString(16).toUpperCase()}`;
  return { ...record, value: record.value!.replace(/"commit_lsn":"[^"]+"/, `"commit_lsn":"${lsn}"`) };
}

function row(id: number, version: number): Members {
  return { id: String(id), version: String(version) };
}

function all(lsn = "0/1F", snapshot = "initial"): readonly HistoryRecord[] {
  return [1, 2, 3].map((id) => read(lsn, id, id, 9 + id, snapshot));
}

function read(lsn: string, seq: number, id: number, version: number, snapshot = "initial"): HistoryRecord {
  return change(lsn, seq, "READ", { id: String(id) }, row(id, version), { snapshot, xid: 0 });
}

function insert(lsn: string, seq: number, id: number, version: number, source = {}): HistoryRecord {
  return change(lsn, seq, "INSERT", { id: String(id) }, row(id, version), source);
}

function update(lsn: string, seq: number, id: number, version: number): HistoryRecord {
  return change(lsn, seq, "UPDATE", { id: String(id) }, row(id, version));
}

function remove(lsn: string, seq: number, id: number, source = {}): HistoryRecord {
  return change(lsn, seq, "DELETE", { id: String(id) }, null, source);
}

function truncate(lsn: string, source = {}): HistoryRecord {
  return { ...change(lsn, 1, "TRUNCATE", {}, null, source), key: null };
}

let offset = 0;

function change(
  commitLsn: string,
  seq: number,
  op: string,
  key: Members,
  after: Members | null,
  source: Readonly<Record<string, unknown>> = {},
  before: Members | null = null,
): HistoryRecord {
  const from = JSON.stringify({ ...source, db: "db", lsn: "0/1", commit_lsn: commitLsn, tx_seq: seq });
  const rows = `"before":${object(before)},"after":${object(after)}`;
  return {
    topic: "cdc.public.item",
    partition: 0,
    offset: offset++,
    key: object(key),
    value: `{"schema":"public","table":"item","op":"${op}",${rows},"source":${from}}`,
  };
}

function object(members: Members | null): string {
  if (members === null) return "null";
  return `{${Object.entries(members).map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

function judge(
  records: readonly HistoryRecord[],
  checks: ReadChecks = { versionColumn: "version" },
): readonly Problem[] {
  return checkHistory(records, undefined, {
    startedEmpty: false,
    reads: { startedWith: STARTED, ...checks },
  });
}

function found(problems: readonly Problem[], kind: string, text: string): void {
  ok(
    problems.some((problem) => problem.kind === kind && problem.text.includes(text)),
    `no ${kind} problem says "${text}": ${JSON.stringify(problems)}`,
  );
}
