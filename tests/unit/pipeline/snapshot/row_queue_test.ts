// Rows that wait to be sent.

import { deepStrictEqual, strictEqual } from "node:assert";
import { RowQueue } from "../../../../src/pipeline/snapshot/row_queue.ts";
import { WholeRows, WholeTable } from "../../../../src/pipeline/snapshot/whole_read.ts";
import { chunk, moment, rowBlock } from "../../../support/row_blocks.ts";
import { QUEUED, SnapshotsBed } from "../../../support/snapshots_bed.ts";

const MOMENT = moment("100:100:", 20n);

function twoKinds() {
  const bed = new SnapshotsBed();
  bed.runs.add(QUEUED, true);
  const run = bed.take();
  const whole = new WholeTable(run, run.encoded!, { moment: MOMENT, next: () => Promise.resolve(null) });
  const opened = run.open(null, 0n);
  run.arrived(opened, chunk([["1", "a", null]], MOMENT));
  return { run, whole, opened };
}

Deno.test("rows leave in the order in which they came, and what is void is passed over and given back", () => {
  const { run, whole, opened } = twoKinds();
  const queue = new RowQueue(() => {});
  const block = rowBlock([["x"]]);
  queue.push({ kind: "whole", rows: new WholeRows(whole, block) });
  queue.push({ kind: "chunk", opened });
  strictEqual(queue.headOf(whole)?.rows.rows, block);
  strictEqual(queue.head?.kind, "whole");
  whole.isVoid = true;
  strictEqual(queue.head?.kind, "chunk");
  strictEqual(block.isReleased, true);
  run.rewind();
  strictEqual(queue.head, undefined);
  deepStrictEqual([queue.isEmpty, queue.heldBytes], [true, 0]);
});

Deno.test("a table that is read as a whole is over when its last rows are removed, once", () => {
  const { whole } = twoKinds();
  const over: WholeTable[] = [];
  const queue = new RowQueue((each) => over.push(each));
  for (const value of ["x", "y"]) {
    queue.push({ kind: "whole", rows: new WholeRows(whole, rowBlock([[value]])) });
  }
  queue.remove(queue.head!);
  whole.isReadToEnd = true;
  strictEqual(over.length, 0);
  queue.remove(queue.head!);
  deepStrictEqual(over, [whole]);
});
