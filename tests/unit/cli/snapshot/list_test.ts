// The last snapshot of each table, for people and for programs.

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import {
  formatSnapshots,
  percentOf,
  snapshotJson,
  sortedByTable,
} from "../../../../src/cli/snapshot/list.ts";
import { summaryJson, summaryLines } from "../../../../src/cli/snapshot/summary.ts";
import { PLAIN, style } from "../../../../src/cli/style.ts";
import { snapshotState } from "../../../support/snapshot_states.ts";

const STATES = [
  snapshotState("users", { rows: 1_200_000, rowsExpected: 10_000_000, id: "s-20261125T003015Z-1f3a" }),
  snapshotState("orders", { status: "complete", rows: 7, rowsExpected: 5 }),
  snapshotState("a.b", {
    status: "failed",
    rows: 0,
    rowsExpected: null,
    startedAtMs: null,
    reason: "no SELECT",
  }),
];

Deno.test("each table has a line, by name, and numbers are aligned", () => {
  strictEqual(
    formatSnapshots(sortedByTable(STATES), PLAIN, undefined),
    `table          status         rows    of about  percent  id                       started               reason
public."a.b"   failed            0                       s-1                                            no SELECT
public.orders  complete          7           5    100 %  s-1                      2026-11-25T00:30:16Z
public.users   running   1,200,000  10,000,000     12 %  s-20261125T003015Z-1f3a  2026-11-25T00:30:16Z
`,
  );
});

Deno.test("lines are no wider than the terminal, and nothing in them steers it", () => {
  const evil = snapshotState("a\u001b[2J\u202e", { status: "failed", reason: "x\u009b".repeat(100) });
  for (const columns of [40, 80, 200]) {
    const text = formatSnapshots([evil], PLAIN, columns);
    doesNotMatch(text, /[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u);
    for (const line of text.split("\n")) ok(line.length <= columns, line);
  }
});

Deno.test("on a terminal the status is coloured", () => {
  const lines = formatSnapshots(STATES, style(true), undefined).replaceAll("\u001b", "ESC").split("\n");
  match(lines[0]!, /^ESC\[1mtable/);
  match(lines[1]!, /^public\.users/);
  match(lines[2]!, /^ESC\[32mpublic\.orders .*ESC\[0m$/);
  match(lines[3]!, /^ESC\[31mpublic\."a\.b" .*ESC\[0m$/);
});

Deno.test("programs get all that people do, and no row's value", () => {
  deepStrictEqual(snapshotJson(STATES[0]!), {
    schema: "public",
    table: "users",
    id: "s-20261125T003015Z-1f3a",
    status: "running",
    where: null,
    rows: 1_200_000,
    rowsExpected: 10_000_000,
    percent: 12,
    requestedAt: "2026-11-25T00:30:15Z",
    startedAt: "2026-11-25T00:30:16Z",
    updatedAt: "2026-11-25T00:30:17Z",
    reason: null,
  });
});

Deno.test("the percentage is below 100 until all rows are sent, whatever was estimated", () => {
  const percent = (rows: number, rowsExpected: number | null) =>
    percentOf(snapshotState("t", { rows, rowsExpected }));
  deepStrictEqual([percent(0, 100), percent(99, 100), percent(500, 100), percent(0, 0), percent(7, null)], [
    0,
    99,
    99,
    0,
    null,
  ]);
  strictEqual(percentOf(snapshotState("t", { status: "complete", rows: 0, rowsExpected: null })), 100);
});

Deno.test("status counts snapshots, and names those that run or failed", () => {
  deepStrictEqual(summaryLines(STATES), [
    "1 running, 1 failed, 1 complete",
    'public."a.b" failed: no SELECT',
    "public.users: 1,200,000 of about 10,000,000 rows (12 %)",
  ]);
  const many = Array.from({ length: 30 }, (_, index) => snapshotState(`t${index}`));
  const lines = summaryLines(many);
  strictEqual(lines.length, 12);
  strictEqual(lines.at(-1), "and 20 more: pg-capture snapshot --list");
  const { tables, ...counts } = summaryJson(STATES);
  deepStrictEqual(counts, { running: 1, queued: 0, paused: 0, failed: 1, stopped: 0, complete: 1 });
  deepStrictEqual(tables.map(({ table }) => table), ["a.b", "users"]);
});
