// Rows between changes, with a stream and readers that the test plays.

import { deepStrictEqual, strictEqual } from "node:assert";
import { begin, commit, insert, remove, UNCHANGED, update } from "../../../../dev/fixtures/pgoutput_bytes.ts";
import type { SnapshotState } from "../../../../src/core/snapshot_state.ts";
import { chunk, moment } from "../../../support/row_blocks.ts";
import { QUEUED, SnapshotsBed } from "../../../support/snapshots_bed.ts";

/** Everything up to transaction 99 is visible. */
const BEFORE_100 = "100:100:";
/** A state that an earlier session left, after the row with key 5. */
const RUNNING: SnapshotState = {
  ...QUEUED,
  status: "running",
  tableOid: 7,
  keyColumns: ["id"],
  keyOrder: "integer",
  lastKey: ["5"],
  rows: 5,
  startedAtMs: 1,
};

Deno.test("rows are sent once the stream has got to the end of WAL of their moment, under its last byte", async () => {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  const run = bed.take();
  const opened = bed.snapshots.open(run, null);
  strictEqual(
    bed.snapshots.arrived(opened, chunk([["1", "a", null], ["2", "b", null]], moment(BEFORE_100, 20n), true)),
    undefined,
  );
  await bed.send();
  deepStrictEqual((await bed.deliver()).records, []);
  bed.batcher.advanceEnd(20n);
  await bed.send();
  const { records, notes } = await bed.deliver();
  deepStrictEqual(records, ["READ 1 a at 19#1", "READ 2 b at 19#2"]);
  deepStrictEqual(notes?.states.map(({ status, lastKey, rows }) => [status, lastKey, rows]), [["complete", [
    "2",
  ], 2]]);
});

Deno.test("a change that the moment does not see takes its row out, one that it sees does not", async () => {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  await bed.feedItem();
  const run = bed.take();
  const opened = bed.snapshots.open(run, null);
  await bed.feed(begin(10n, 0, 99), update(7, ["1", "seen", null]), commit(10n, 12n));
  await bed.feed(begin(12n, 0, 100), update(7, ["2", "new", null]), commit(12n, 14n));
  const rows = [["1", "seen", null], ["2", "old", null], ["3", "c", null], ["4", "d", null]];
  bed.snapshots.arrived(opened, chunk(rows, moment(BEFORE_100, 14n), true));
  await bed.feed(begin(14n, 0, 101), remove(7, "K", ["3", null, null]), commit(14n, 16n));
  await bed.send();
  deepStrictEqual((await bed.deliver()).records, [
    "UPDATE 1 seen at 10#2",
    "UPDATE 2 new at 12#2",
    "DELETE 3 at 14#1",
    "READ 1 seen at 15#1",
    "READ 4 d at 15#2",
  ]);
});

Deno.test("rows of a moment that does not see a transaction that was streamed before are read again", async () => {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  await bed.feedItem();
  await bed.feed(begin(10n, 0, 100), update(7, ["1", "new", null]), commit(10n, 12n));
  const run = bed.take();
  const first = bed.snapshots.open(run, null);
  strictEqual(bed.snapshots.arrived(first, chunk([["1", "old", null]], moment(BEFORE_100, 12n), true)), 100);
  await bed.send();
  deepStrictEqual((await bed.deliver()).records, ["UPDATE 1 new at 10#2"]);
  const second = bed.snapshots.open(run, null);
  strictEqual(
    bed.snapshots.arrived(second, chunk([["1", "new", null]], moment("101:101:", 12n), true)),
    undefined,
  );
  await bed.send();
  deepStrictEqual((await bed.deliver()).records, ["READ 1 new at 11#1"]);
});

Deno.test("each key that moved without a large value is in the next delivery, so that a kill does not lose it", async () => {
  const bed = new SnapshotsBed({ ledger: { states: [RUNNING], requestsTaken: null } });
  await bed.feedItem();
  bed.take();
  const again: (readonly (readonly string[])[] | undefined)[] = [];
  for (const [at, xid] of [[10n, 100], [20n, 101]] as const) {
    await bed.feed(
      begin(at, 0, xid),
      update(7, [String(xid - 99), "moved", UNCHANGED], ["K", [String(xid), null, null]]),
      commit(at, at + 2n),
    );
    again.push((await bed.deliver()).notes?.states[0]?.again);
  }
  deepStrictEqual(again, [[["1"]], [["1"], ["2"]]]);
});

Deno.test("a key that moves after a restart, before its table is read on, is read again", async () => {
  const bed = new SnapshotsBed({ ledger: { states: [RUNNING], requestsTaken: null } });
  await bed.feedItem();
  await bed.feed(
    begin(10n, 0, 100),
    update(7, ["1", "moved", UNCHANGED], ["K", ["9", null, null]]),
    commit(10n, 12n),
  );
  deepStrictEqual((await bed.deliver()).notes?.states[0]?.again, [["1"]]);
});

Deno.test("a key that moves while the snapshot is paused is read again, also after a restart", async () => {
  const bed = new SnapshotsBed({
    ledger: { states: [{ ...RUNNING, status: "paused" }], requestsTaken: null },
  });
  await bed.feedItem();
  await bed.feed(
    begin(10n, 0, 100),
    update(7, ["1", "moved", UNCHANGED], ["K", ["9", null, null]]),
    commit(10n, 12n),
  );
  deepStrictEqual((await bed.deliver()).notes?.states[0]?.again, [["1"]]);
});

Deno.test("after a restart, rows wait until the stream has come to their moment again", async () => {
  const start = { commitLsn: 20n, seq: 1, commitTimeMs: 0, endLsn: 30n };
  const bed = new SnapshotsBed({
    ledger: { states: [RUNNING], requestsTaken: null },
    start,
    streamsFrom: 20n,
  });
  await bed.feedItem();
  const run = bed.take();
  const opened = bed.snapshots.open(run, null);
  // Transaction 100 was delivered and is not visible; it is not confirmed, so it comes again.
  bed.snapshots.arrived(opened, chunk([["6", "old", null]], moment("100:101:100", 30n), true));
  await bed.send();
  deepStrictEqual((await bed.deliver()).records, [], "before transaction 100 came again");
  await bed.feed(begin(20n, 0, 100), update(7, ["6", "new", null]), commit(20n, 22n));
  bed.batcher.advanceEnd(30n);
  await bed.send();
  deepStrictEqual((await bed.deliver()).records.filter((line) => line.startsWith("READ")), []);
});

Deno.test("an insert with the key of a row that was deleted is not sent as a row, too", async () => {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  await bed.feedItem();
  const run = bed.take();
  const opened = bed.snapshots.open(run, null);
  bed.snapshots.arrived(opened, chunk([["1", "old", null]], moment(BEFORE_100, 9n), true));
  await bed.feed(
    begin(10n, 0, 100),
    remove(7, "K", ["1", null, null]),
    insert(7, ["1", "new", null]),
    commit(10n, 12n),
  );
  await bed.send();
  deepStrictEqual((await bed.deliver()).records, ["DELETE 1 at 10#1", "INSERT 1 new at 10#2"]);
});
