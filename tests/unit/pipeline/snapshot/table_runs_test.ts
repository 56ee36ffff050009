// The snapshots of all tables: which are due, and what is told of them.

import { deepStrictEqual, strictEqual } from "node:assert";
import { begin, commit, relation, truncate, update } from "../../../../dev/fixtures/pgoutput_bytes.ts";
import { chunk, ITEM_TABLE, moment } from "../../../support/row_blocks.ts";
import { queuedSnapshot } from "../../../support/snapshot_states.ts";
import { QUEUED, SnapshotsBed } from "../../../support/snapshots_bed.ts";

const MOMENT = moment("100:100:", 1n);

Deno.test("a run is handed out to one reader, and not before its time", async () => {
  const { runs, clock } = new SnapshotsBed();
  for (const table of ["a", "b"]) runs.add(queuedSnapshot(table), true);
  strictEqual(runs.take()?.table, "a");
  const second = runs.take()!;
  strictEqual(second.table, "b");
  strictEqual(runs.take(), undefined);
  second.isTaken = false;
  second.notBefore = clock.now() + 200;
  strictEqual(runs.take(), undefined);
  await clock.pass(200);
  strictEqual(runs.take(), second);
});

Deno.test("runs that are put off again and again let the others come first", async () => {
  const { runs, clock } = new SnapshotsBed();
  for (const table of ["a", "b", "c"]) runs.add(queuedSnapshot(table), true);
  const taken: string[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const run = runs.take()!;
    taken.push(run.table);
    await clock.pass(2_000);
    runs.putOff(run, clock.now() + 200);
    run.isTaken = false;
  }
  deepStrictEqual(taken, ["a", "b", "c", "a"]);
});

Deno.test("a run that is read to its end is handed out for keys to read again, when all else is sent", () => {
  const again = [["1"]];
  const bed = new SnapshotsBed({
    ledger: { states: [queuedSnapshot("item", { again })], requestsTaken: null },
  });
  const run = bed.take();
  const opened = run.open(null, 0n);
  run.arrived(opened, chunk([["9", "a", null]], MOMENT, true));
  run.isTaken = false;
  strictEqual(bed.runs.take(), undefined);
  run.sent(opened);
  strictEqual(bed.runs.take(), run);
});

Deno.test("states of many tables take several deliveries, and the request counts with the last", async () => {
  const bed = new SnapshotsBed();
  for (let table = 0; table < 450; table++) bed.runs.add(queuedSnapshot(`t${table}`), true);
  bed.runs.requestsTakenUpTo(7n);
  const told: (readonly [number, bigint | null])[] = [];
  for (let delivery = 0; delivery < 3; delivery++) {
    const { notes } = await bed.deliver();
    told.push([notes!.states.length, notes!.requestsTaken]);
  }
  deepStrictEqual(told, [[200, null], [200, null], [50, 7n]]);
});

Deno.test("rows of a table that is described otherwise are read again, those of the same table are not", async () => {
  for (const name of ["name", "renamed"]) {
    const bed = new SnapshotsBed();
    bed.runs.add(QUEUED, true);
    const run = bed.take();
    const opened = bed.snapshots.open(run, null);
    bed.snapshots.arrived(opened, chunk([["1", "a", null]], MOMENT, true));
    await bed.feed(relation(7, "public", "item", "d", [
      { name: "id", type: 23, key: true },
      { name, type: 25 },
      { name: "big", type: 25 },
    ]));
    strictEqual(opened.isVoid, name === "renamed");
    strictEqual(run.encoded === undefined, name === "renamed");
  }
});

Deno.test("a TRUNCATE takes out the rows of its table that are not sent", async () => {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  await bed.feedItem();
  const opened = bed.snapshots.open(bed.take(), null);
  bed.snapshots.arrived(opened, chunk([["1", "a", null], ["2", "b", null]], MOMENT, true));
  await bed.feed(begin(10n, 0, 100), truncate(7), commit(10n, 12n));
  await bed.send();
  const { records, notes } = await bed.deliver();
  deepStrictEqual([records, notes?.states[0]?.status], [["TRUNCATE at 10#1"], "complete"]);
});

Deno.test("changes of a table whose snapshot has ended concern it no more", async () => {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  await bed.feedItem();
  const run = bed.take(ITEM_TABLE);
  const opened = run.open(null, 0n);
  run.arrived(opened, chunk([["1", "a", null]], MOMENT));
  bed.snapshots.end(run, "stopped", null);
  await bed.feed(begin(10n, 0, 100), update(7, ["1", "new", null]), commit(10n, 12n));
  const { notes } = await bed.deliver();
  deepStrictEqual(notes?.states.map(({ status, again }) => [status, again]), [["stopped", []]]);
});
