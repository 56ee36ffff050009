// The judge itself: a whole history passes, and each fault that is planted in one is found.

import { deepStrictEqual, ok } from "node:assert";
import type { DecodedChange } from "../../support/second_slot.ts";
import { checkHistory, type HistoryRecord, type Problem } from "../../support/history.ts";

Deno.test("a whole history has no problems", () => {
  deepStrictEqual(checkHistory(wholeHistory(), TABLES), []);
});

Deno.test("a lost change is noticed by the second slot, and so is one that was never made", () => {
  const decoded = DECODED;
  deepStrictEqual(checkHistory(wholeHistory(), TABLES, { decoded }), []);
  const records = without(wholeHistory(), ({ commitLsn, seq }) => commitLsn === "0/20" && seq === 2);
  found(checkHistory(records, TABLES, { decoded }), "lost", "change 0/20 0, LSN 0/2: ");
  found(checkHistory(wholeHistory(), TABLES, { decoded: decoded.slice(1) }), "lost", "was never decoded");
});

Deno.test("both records of a changed key are one decoded update", () => {
  const decoded: readonly DecodedChange[] = [{ commitLsn: 0x30n, lsn: "0/1", kind: "update", count: 1 }];
  const records = [
    remove("0/30", 1, "users", 1, { key_change: true }),
    insert("0/30", 2, "users", 2, { name: '"B"' }, { key_change: true, lsn: "0/1" }),
  ].map((record, offset) => ({ ...record, offset }));
  deepStrictEqual(checkHistory(records, undefined, { decoded, startedEmpty: false }), []);
  found(
    checkHistory(records.slice(0, 1), undefined, { decoded, startedEmpty: false }),
    "lost",
    "update was decoded",
  );
  found(
    checkHistory(records.slice(1), undefined, { decoded, replays: false }),
    "lost",
    "the DELETE of a changed key is not there",
  );
});

Deno.test("a lost change at the end of a transaction is noticed by the rows", () => {
  const records = without(wholeHistory(), ({ commitLsn, seq }) => commitLsn === "0/30" && seq === 2);
  found(checkHistory(records, TABLES), "rows", 'public.users should not have {"id":2,"name":"Bob"}');
});

Deno.test("a lost transaction is noticed by the rows", () => {
  const records = without(wholeHistory(), ({ commitLsn }) => commitLsn === "0/20");
  found(
    checkHistory(records, TABLES),
    "rows",
    "public.orders: 2 rows are missing or different, 0 are too many",
  );
});

Deno.test("a torn transaction, its second half lost, is noticed by the rows", () => {
  const records = without(wholeHistory(), ({ commitLsn, seq }) => commitLsn === "0/20" && seq > 1);
  found(checkHistory(records, TABLES), "rows", 'public.orders lacks {"id":2,"total":"2.50"}');
});

Deno.test("a repeated change is found, also when it is of the same partition and in place", () => {
  const records = wholeHistory();
  const [first] = records;
  ok(first);
  found(checkHistory([first, ...records], TABLES), "repeated", "change 0/10 1 is there twice");
});

Deno.test("a repeated transaction is found once for each of its changes, and not as a wrong replay", () => {
  const records = wholeHistory();
  const problems = checkHistory([...records, ...records.slice(0, 2)], TABLES);
  deepStrictEqual(problems.filter(({ kind }) => kind === "repeated").length, 2);
  deepStrictEqual(problems.filter(({ kind }) => kind === "replay" || kind === "rows"), []);
});

Deno.test("two changes of a partition that have swapped places are out of order", () => {
  const records = wholeHistory();
  const [first, second, ...rest] = records;
  ok(first && second);
  found(checkHistory([second, first, ...rest], TABLES), "order", "change 0/10 1 at cdc.public.users/0");
});

Deno.test("partitions are in order each for itself", () => {
  const records = wholeHistory();
  const orders = records.filter(({ topic }) => topic === "cdc.public.orders");
  const users = records.filter(({ topic }) => topic === "cdc.public.users");
  deepStrictEqual(checkHistory([...orders, ...users], TABLES), []);
});

Deno.test("a row whose changes are in two partitions is found", () => {
  const records = wholeHistory().map((record) =>
    isChange(record, "0/30", 1) ? { ...record, partition: 1 } : record
  );
  found(
    checkHistory(records, TABLES),
    "partition",
    'public.users has key {"id":1} in cdc.public.users/0 and',
  );
  deepStrictEqual(checkHistory(records, TABLES, { partitionsAdded: true }), []);
});

Deno.test("an insert of a row that is there and a delete of one that is not are wrong replays", () => {
  const records = [
    insert("0/10", 1, "users", 1, { name: '"A"' }),
    insert("0/20", 1, "users", 1, { name: '"B"' }),
  ];
  found(checkHistory(records), "replay", "the row is there already");
  found(checkHistory([remove("0/10", 1, "users", 7)]), "replay", "there is no such row");
});

Deno.test("rows that were there before capture began may be updated and deleted", () => {
  const records = [update("0/10", 1, "users", 1, { name: '"A"' }), remove("0/20", 1, "users", 7)];
  const expected = { "public.users": [{ id: "1", name: '"A"' }] };
  deepStrictEqual(checkHistory(records, expected, { startedEmpty: false }), []);
});

Deno.test("an unchanged column keeps its value, also when the key changes", () => {
  const records = [
    insert("0/10", 1, "users", 1, { note: '"long"', name: '"A"' }),
    update("0/20", 1, "users", 1, { name: '"B"' }, { unchanged: ["note"] }),
    remove("0/30", 1, "users", 1, { key_change: true }),
    insert("0/30", 2, "users", 2, { name: '"B"' }, { key_change: true, unchanged: ["note"] }),
  ];
  deepStrictEqual(checkHistory(records, { "public.users": [{ id: "2", note: '"long"', name: '"B"' }] }), []);
});

Deno.test("a column that is left out without being named unchanged is lost", () => {
  const records = [
    insert("0/10", 1, "users", 1, { note: '"long"', name: '"A"' }),
    update("0/20", 1, "users", 1, { name: '"B"' }),
  ];
  const problems = checkHistory(records, { "public.users": [{ id: "1", note: '"long"', name: '"B"' }] });
  found(problems, "rows", 'public.users lacks {"id":1,"name":"B","note":"long"}');
});

Deno.test("rows of a table without a key are counted", () => {
  const row = { a: "1" };
  const expected = { "public.log": [row, row] };
  const records = [1, 2, 3].map((seq) => change("0/10", seq, "log", "INSERT", null, { after: row }));
  found(checkHistory(records, expected), "rows", "public.log should not have");
  const deletion = change("0/20", 1, "log", "DELETE", null, { before: row });
  deepStrictEqual(checkHistory([...records, deletion], expected), []);
});

Deno.test("a delete under the replica identity's key finds the row that was inserted under the primary key", () => {
  const deletion = change("0/20", 1, "users", "DELETE", { mail: '"a@b"' }, { before: { mail: '"a@b"' } });
  const records = [insert("0/10", 1, "users", 1, { mail: '"a@b"' }), deletion];
  deepStrictEqual(checkHistory(records, { "public.users": [] }), []);
});

Deno.test("a truncated table is empty, whatever the partition of its truncation", () => {
  const truncation = change("0/20", 1, "users", "TRUNCATE", null, {});
  const records = [truncation, insert("0/10", 1, "users", 1, {})].map((record, partition) => ({
    ...record,
    partition,
  }));
  deepStrictEqual(checkHistory(records, { "public.users": [] }), []);
});

Deno.test("values are compared digit for digit", () => {
  const records = [
    insert("0/10", 1, "users", 1, { big: "9223372036854775807", json: '{"b": 1.10, "a": 1}' }),
  ];
  const row = { id: "1", big: "9223372036854775807", json: '{"b":1.10,"a":1}' };
  deepStrictEqual(checkHistory(records, { "public.users": [row] }), []);
  const rounded = { ...row, big: "9223372036854775808" };
  found(checkHistory(records, { "public.users": [rounded] }), "rows", "9223372036854775808");
  const reordered = { ...row, json: '{"a":1,"b":1.10}' };
  found(checkHistory(records, { "public.users": [reordered] }), "rows", '"json":{"a":1,"b":1.10}');
});

Deno.test("a tombstone belongs after the delete of its key", () => {
  const records = [insert("0/10", 1, "users", 1, {}), remove("0/20", 1, "users", 1), tombstone("users", 1)];
  deepStrictEqual(checkHistory(records), []);
  found(checkHistory([...records, tombstone("users", 2)]), "malformed", "a null value that does not follow");
});

Deno.test("a record that is not an envelope is malformed", () => {
  const record = insert("0/10", 1, "users", 1, {});
  found(checkHistory([{ ...record, value: '{"op":"INSERT"' }]), "malformed", "cdc.public.users/0");
  found(
    checkHistory([{ ...record, value: '{"op":"INSERT","source":{}}' }]),
    "malformed",
    "no source.commit_lsn",
  );
});

const TABLES = {
  "public.users": [{ id: "1", name: '"Anna"' }],
  "public.orders": [{ id: "1", total: '"1.50"' }, { id: "2", total: '"2.50"' }],
};

/** Three transactions over two tables. */
function wholeHistory(): readonly HistoryRecord[] {
  const records = [
    insert("0/10", 1, "users", 1, { name: '"Ann"' }),
    insert("0/10", 2, "users", 2, { name: '"Bob"' }),
    insert("0/20", 1, "orders", 1, { total: '"1.50"' }),
    insert("0/20", 2, "orders", 2, { total: '"2.00"' }),
    update("0/20", 3, "orders", 2, { total: '"2.50"' }),
    update("0/30", 1, "users", 1, { name: '"Anna"' }),
    remove("0/30", 2, "users", 2),
  ];
  return records.map((record, offset) => ({ ...record, offset }));
}

/** What a second slot would decode of it. */
const DECODED: readonly DecodedChange[] = [
  [0x10n, "0/1", "insert"],
  [0x10n, "0/2", "insert"],
  [0x20n, "0/1", "insert"],
  [0x20n, "0/2", "insert"],
  [0x20n, "0/3", "update"],
  [0x30n, "0/1", "update"],
  [0x30n, "0/2", "delete"],
].map(([commitLsn, lsn, kind]) => ({ commitLsn, lsn, kind, count: 1 }) as DecodedChange);

type Members = Readonly<Record<string, string>>;
type Source = Readonly<Record<string, unknown>>;

function insert(
  commitLsn: string,
  seq: number,
  table: string,
  id: number,
  row: Members,
  source: Source = {},
) {
  return change(commitLsn, seq, table, "INSERT", { id: String(id) }, {
    after: { id: String(id), ...row },
    source,
  });
}

function update(
  commitLsn: string,
  seq: number,
  table: string,
  id: number,
  row: Members,
  source: Source = {},
) {
  return change(commitLsn, seq, table, "UPDATE", { id: String(id) }, {
    after: { id: String(id), ...row },
    source,
  });
}

function remove(commitLsn: string, seq: number, table: string, id: number, source: Source = {}) {
  return change(commitLsn, seq, table, "DELETE", { id: String(id) }, { before: { id: String(id) }, source });
}

function tombstone(table: string, id: number): HistoryRecord {
  return { topic: `cdc.public.${table}`, partition: 0, offset: 99, key: `{"id":${id}}`, value: null };
}

function change(
  commitLsn: string,
  seq: number,
  table: string,
  op: string,
  key: Members | null,
  { before, after, source }: {
    readonly before?: Members;
    readonly after?: Members;
    readonly source?: Source;
  },
): HistoryRecord {
  const position = { db: "shop", lsn: `0/${seq}`, commit_lsn: commitLsn, tx_seq: seq, ...source };
  const value = `{"schema":"public","table":"${table}","op":"${op}","ts_ms":1,` +
    `"before":${object(before)},"after":${object(after)},"source":${JSON.stringify(position)}}`;
  return { topic: `cdc.public.${table}`, partition: 0, offset: 0, key: key && object(key), value };
}

function object(members: Members | undefined): string {
  if (members === undefined) return "null";
  return `{${Object.entries(members).map(([name, value]) => `"${name}":${value}`).join(",")}}`;
}

function isChange({ value }: HistoryRecord, commitLsn: string, seq: number): boolean {
  const { source } = JSON.parse(value ?? "") as { readonly source: { commit_lsn: string; tx_seq: number } };
  return source.commit_lsn === commitLsn && source.tx_seq === seq;
}

function without(
  records: readonly HistoryRecord[],
  isLost: (change: { readonly commitLsn: string; readonly seq: number }) => boolean,
): readonly HistoryRecord[] {
  return records.filter(({ value }) => {
    const { source } = JSON.parse(value ?? "") as { readonly source: { commit_lsn: string; tx_seq: number } };
    return !isLost({ commitLsn: source.commit_lsn, seq: source.tx_seq });
  });
}

function found(problems: readonly Problem[], kind: string, text: string): void {
  ok(
    problems.some((problem) => problem.kind === kind && problem.text.includes(text)),
    `no problem "${kind}: ${text}" among\n${
      problems.map((problem) => `${problem.kind}: ${problem.text}`).join("\n")
    }`,
  );
}
