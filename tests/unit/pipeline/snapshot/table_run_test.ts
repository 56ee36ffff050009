// The snapshot of one table: where it goes on after whatever happens.

import { deepStrictEqual, strictEqual } from "node:assert";
import type { SnapshotState } from "../../../../src/core/snapshot_state.ts";
import type { SnapshotTable } from "../../../../src/pipeline/snapshot_ports.ts";
import type { TableRun } from "../../../../src/pipeline/snapshot/table_run.ts";
import { chunk, type FakeBlock, ITEM_TABLE, moment, type RowText } from "../../../support/row_blocks.ts";
import { QUEUED, SnapshotsBed } from "../../../support/snapshots_bed.ts";

const MOMENT = moment("900:900:", 1n);
const ROWS: readonly RowText[] = [["1", "a", null], ["2", "b", null], ["3", "c", null]];
/** A state after the row with key 5. */
const RUNNING = {
  ...QUEUED,
  status: "running" as const,
  tableOid: 7,
  keyColumns: ["id"],
  keyOrder: "integer",
  lastKey: ["5"],
  again: [["1"]],
  rows: 5,
  startedAtMs: 1,
};

function runOf(table: SnapshotTable = ITEM_TABLE, state: SnapshotState = RUNNING): TableRun {
  return new SnapshotsBed({ ledger: { states: [state], requestsTaken: null } }).take(table);
}

Deno.test("a table that is as it was goes on behind the last key", () => {
  const { readKey, rows } = runOf();
  deepStrictEqual({ readKey, rows }, { readKey: ["5"], rows: 5 });
});

const OTHERS: Readonly<Record<string, SnapshotTable>> = {
  "created again": { ...ITEM_TABLE, relation: { ...ITEM_TABLE.relation, id: 8 } },
  "with another key": { ...ITEM_TABLE, order: [1], orderNames: ["name"] },
  "whose key has another type or order": { ...ITEM_TABLE, orderRule: "bigint" },
  "without a key": { ...ITEM_TABLE, order: [], orderNames: [] },
};
for (const [what, table] of Object.entries(OTHERS)) {
  Deno.test(`a table ${what} begins with its first row again, and was begun before`, () => {
    const run = runOf(table);
    const { readKey, rows, wasBegun, hasKeysToReadAgain } = run;
    deepStrictEqual({ readKey, rows, wasBegun, hasKeysToReadAgain }, {
      ...{ readKey: null, rows: 0, wasBegun: true, hasKeysToReadAgain: false },
    });
  });
}

Deno.test("rows that were sent make a run that begins again one that was begun before", () => {
  const run = runOf(ITEM_TABLE, QUEUED);
  strictEqual(run.wasBegun, false);
  run.restart();
  strictEqual(run.wasBegun, false);
  run.rows = 1;
  run.restart();
  strictEqual(run.wasBegun, true);
});

Deno.test("the state is as of the last row that was sent, not of the last that was read", () => {
  const run = runOf(ITEM_TABLE, { ...RUNNING, lastKey: ["0"] });
  const opened = run.open(null, 0n);
  run.arrived(opened, chunk(ROWS, MOMENT));
  deepStrictEqual([run.readKey, run.state(0).lastKey], [["3"], ["0"]]);
  opened.cursor = 2;
  deepStrictEqual(run.state(0).lastKey, ["2"]);
  run.rewind();
  deepStrictEqual([run.readKey, run.state(0).lastKey], [["2"], ["2"]]);
  strictEqual(opened.isVoid, true);
});

Deno.test("keys that are being read again are in the state, and come back when the read is in vain", () => {
  const run = runOf();
  const keys = run.takeKeysToReadAgain();
  deepStrictEqual(keys, [["1"]]);
  const first = run.open(keys, 0n);
  deepStrictEqual(run.state(0).again, [["1"]]);
  run.discard(first);
  deepStrictEqual(run.takeKeysToReadAgain(), [["1"]]);
  run.open(keys, 0n);
  run.rewind();
  deepStrictEqual(run.takeKeysToReadAgain(), [["1"]]);
  const third = run.open(keys, 0n);
  run.arrived(third, chunk([["1", "a", "A"]], MOMENT, true));
  run.sent(third);
  deepStrictEqual([run.state(0).again, run.state(0).lastKey], [[], ["5"]]);
});

Deno.test("keys whose rows did not come for want of room are read again, those without a row are not", () => {
  for (const [isLast, again] of [[false, [["2"], ["3"]]], [true, []]] as const) {
    const run = runOf(ITEM_TABLE, { ...RUNNING, again: [["1"], ["2"], ["3"]] });
    const opened = run.open(run.takeKeysToReadAgain(), 0n);
    run.arrived(opened, chunk([["1", "a", "A"]], MOMENT, isLast));
    run.sent(opened);
    deepStrictEqual(run.state(0).again, again);
  }
});

Deno.test("rows are given back when they are sent, void or discarded", () => {
  const run = runOf();
  const blocks: FakeBlock[] = [];
  const opened = [1, 2, 3].map(() => {
    const window = run.open(null, 0n);
    const each = chunk(ROWS, MOMENT);
    blocks.push(each.rows);
    run.arrived(window, each);
    return window;
  });
  run.sent(opened[0]!);
  deepStrictEqual(blocks.map(({ isReleased }) => isReleased), [true, false, false]);
  run.discard(opened[1]!);
  run.end("failed", 0, "no reason");
  deepStrictEqual(blocks.map(({ isReleased }) => isReleased), [true, true, true]);
});
