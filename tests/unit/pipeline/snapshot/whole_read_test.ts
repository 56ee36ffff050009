// Tables without a key: all rows of one moment, at the border that it is.

import { deepStrictEqual, strictEqual } from "node:assert";
import { begin, commit, insert, relation, truncate } from "../../../../dev/fixtures/pgoutput_bytes.ts";
import { WholeRows, WholeTable } from "../../../../src/pipeline/snapshot/whole_read.ts";
import type { ReadMoment, SnapshotTable, WholeRead } from "../../../../src/pipeline/snapshot_ports.ts";
import { ITEM_TABLE, moment, rowBlock } from "../../../support/row_blocks.ts";
import { QUEUED, SnapshotsBed, type SnapshotsBedOptions } from "../../../support/snapshots_bed.ts";

const BAG: SnapshotTable = {
  ...ITEM_TABLE,
  relation: { ...ITEM_TABLE.relation, replicaIdentity: "nothing" },
  primaryKey: null,
  order: [],
  orderNames: [],
};
const DESCRIBED = relation(7, "public", "item", "n", [
  { name: "id", type: 23 },
  { name: "name", type: 25 },
  { name: "big", type: 25 },
]);

/** The moment of the table is taken where the stream stands; what became of it. */
async function taken(
  at: ReadMoment,
  options: SnapshotsBedOptions = {},
  before = async (_: SnapshotsBed) => {},
) {
  const bed = new SnapshotsBed(options);
  await before(bed);
  bed.runs.add(QUEUED, true);
  const run = bed.take(BAG);
  const read: WholeRead = { moment: at, next: () => Promise.resolve(null) };
  let result: unknown;
  bed.snapshots.split(run, run.encoded!, () => Promise.resolve(read), bed.signal)
    .then((each) => result = each);
  await bed.clock.settle();
  await bed.send();
  await bed.clock.settle();
  return { bed, run, result: () => result };
}

Deno.test("a moment is the border before the first transaction that commits beyond its end of WAL", async () => {
  const { bed, result } = await taken(moment("101:101:", 20n));
  await bed.feed(begin(10n, 0, 100), DESCRIBED, insert(7, ["1", "seen", null]), commit(10n, 12n));
  await bed.feed(begin(30n, 0, 101), insert(7, ["2", "new", null]), commit(30n, 32n));
  await bed.clock.settle();
  const whole = result() as WholeTable;
  strictEqual(whole instanceof WholeTable, true);
  bed.snapshots.arrivedWhole(new WholeRows(whole, rowBlock([["1", "seen", null]])));
  bed.snapshots.readToEnd(whole);
  await bed.send();
  const { records, notes } = await bed.deliver();
  deepStrictEqual(records, [
    "INSERT 1 seen at 10#1",
    "TRUNCATE at 29#1",
    "INSERT 2 new at 30#1",
    "READ 1 seen at 31#1",
  ]);
  deepStrictEqual(notes?.states.map(({ status, rows }) => [status, rows]), [["complete", 1]]);
});

Deno.test("a moment that does not see what commits before its end of WAL is no border", async () => {
  const { bed, result } = await taken(moment("100:101:100", 20n));
  await bed.feed(begin(10n, 0, 100), DESCRIBED, insert(7, ["1", "a", null]), commit(10n, 12n));
  await bed.clock.settle();
  strictEqual(result(), "again");
});

Deno.test("a moment that does not see what was streamed before is no border, and tells which", async () => {
  const { result } = await taken(moment("100:101:100", 20n), {}, async (bed) => {
    await bed.feed(begin(10n, 0, 100), DESCRIBED, insert(7, ["1", "a", null]), commit(10n, 12n));
  });
  strictEqual(result(), 100);
});

for (const isNewSlot of [true, false]) {
  Deno.test(
    `what was sent of a table before is void, ${
      isNewSlot ? "unless the slot is new" : "if there was a slot"
    }`,
    async () => {
      const { bed, result } = await taken(moment("101:101:", 1n), { isNewSlot });
      await bed.send();
      await bed.clock.settle();
      const whole = result() as WholeTable;
      bed.snapshots.arrivedWhole(new WholeRows(whole, rowBlock([["1", "a", null]])));
      bed.snapshots.readToEnd(whole);
      await bed.send();
      deepStrictEqual((await bed.deliver()).records, [
        ...(isNewSlot ? ["READ 1 a at 0#1"] : ["TRUNCATE at 0#1", "READ 1 a at 0#2"]),
      ]);
    },
  );
}

Deno.test("a run that is read to its end is not handed out while its rows wait", async () => {
  const { bed, run, result } = await taken(moment("101:101:", 1n));
  await bed.send();
  await bed.clock.settle();
  const whole = result() as WholeTable;
  bed.snapshots.arrivedWhole(new WholeRows(whole, rowBlock([["1", "a", null]])));
  bed.snapshots.readToEnd(whole);
  run.isTaken = false;
  strictEqual(bed.runs.take(), undefined);
});

Deno.test("rows of a table that was truncated since are not sent", async () => {
  const { bed, result } = await taken(moment("101:101:", 1n));
  await bed.feed(begin(10n, 0, 101), DESCRIBED, truncate(7), commit(10n, 12n));
  await bed.clock.settle();
  const whole = result() as WholeTable;
  const rows = rowBlock([["1", "a", null]]);
  bed.snapshots.arrivedWhole(new WholeRows(whole, rows));
  bed.snapshots.readToEnd(whole);
  await bed.send();
  const { records, notes } = await bed.deliver();
  deepStrictEqual([records, notes?.states[0]?.status], [["TRUNCATE at 10#1"], "complete"]);
});
