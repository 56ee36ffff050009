// How far snapshots have come: figures, a line, a bar.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { lineDisplay, terminalDisplay } from "../../../../src/cli/snapshot/display.ts";
import {
  progressBar,
  ProgressMeter,
  progressText,
  type SnapshotProgress,
} from "../../../../src/cli/snapshot/progress.ts";
import { snapshotState } from "../../../support/snapshot_states.ts";

const PROGRESS: SnapshotProgress = {
  tables: 3,
  tablesOver: 1,
  rows: 120_000,
  rowsExpected: 1_000_000,
  rowsPerSecond: 44_000,
};

Deno.test("the line has tables, rows, percent, rate and the time that is left, as far as they are known", () => {
  strictEqual(
    progressText(PROGRESS),
    "1 of 3 tables, 120,000 of about 1,000,000 rows (12 %), 44,000 rows/s, 20 s left",
  );
  strictEqual(
    progressText({ ...PROGRESS, tables: 1, tablesOver: 0, rowsPerSecond: null }).includes("tables"),
    false,
  );
  strictEqual(
    progressText({ ...PROGRESS, rowsExpected: null, rowsPerSecond: 0 }),
    "1 of 3 tables, 120,000 rows, 0 rows/s",
  );
  match(progressText({ ...PROGRESS, rows: 2_000_000 }), /rows \(99 %\), 44,000 rows\/s$/);
  match(progressText({ ...PROGRESS, tablesOver: 3 }), /\(100 %\)/);
});

Deno.test("the bar fits the terminal, and is left out if there is no room", () => {
  const half = { ...PROGRESS, rows: 500_000 };
  strictEqual(
    progressBar(half, 200),
    `[${"#".repeat(15)}${".".repeat(15)}] ${progressText(half)}`,
  );
  for (let columns = 1; columns < 150; columns++) {
    ok(progressBar(half, columns).length < columns, `${columns}`);
  }
  strictEqual(progressBar({ ...half, rowsExpected: null }, 200).startsWith("1 of 3"), true);
});

Deno.test("the figures are sums over the tables, the rate that of the last seconds", () => {
  const meter = new ProgressMeter();
  const states = (rows: number) => [
    snapshotState("a", { rows, rowsExpected: 1_000 }),
    snapshotState("b", { status: "complete", rows: 50, rowsExpected: 7 }),
  ];
  deepStrictEqual(meter.measure(states(0), 2, 0), {
    tables: 2,
    tablesOver: 1,
    rows: 50,
    rowsExpected: 1_050,
    rowsPerSecond: null,
  });
  for (let second = 1; second <= 20; second++) meter.measure(states(10 * second), 2, 1_000 * second);
  const later = meter.measure(states(300), 2, 21_000);
  strictEqual(later.rows, 350);
  strictEqual(Math.round(later.rowsPerSecond!), Math.round((300 - 110) / 10));
  strictEqual(meter.measure(states(400), 3, 22_000).rowsExpected, null, "one table is not known");
  const unknown = [snapshotState("a", { rowsExpected: null })];
  strictEqual(meter.measure(unknown, 1, 23_000).rowsExpected, null);
});

Deno.test("a terminal shows a bar that is replaced, and lines that stay", () => {
  let out = "";
  const display = terminalDisplay((text) => void (out += text), () => 80);
  display.progress(PROGRESS);
  display.note("paused\u001b[2J");
  display.progress(PROGRESS);
  display.end();
  display.end();
  const clear = "\r\u001b[2K";
  const bar = progressBar(PROGRESS, 80);
  strictEqual(out, `${clear}${bar}${clear}paused\\u001b[2J\n${clear}${bar}${clear}`);
});

Deno.test("elsewhere a line comes every few seconds", () => {
  let out = "";
  let now = 0;
  const display = lineDisplay((text) => void (out += text), () => now);
  for (; now <= 11_000; now += 500) display.progress(PROGRESS);
  display.note("over");
  display.end();
  strictEqual(out, `${progressText(PROGRESS)}\n`.repeat(2) + "over\n");
});
