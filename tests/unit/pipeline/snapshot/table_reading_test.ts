// Reading a table chunk by chunk, with a reader whose rows the test gives.

import { deepStrictEqual, strictEqual } from "node:assert";
import { publishTo } from "../../../../src/pipeline/events.ts";
import { RowPace } from "../../../../src/pipeline/snapshot/row_pace.ts";
import { TableReading } from "../../../../src/pipeline/snapshot/table_reading.ts";
import { FakeSnapshotReader } from "../../../support/fake_snapshot_reader.ts";
import { chunk, moment } from "../../../support/row_blocks.ts";
import { QUEUED, SnapshotsBed } from "../../../support/snapshots_bed.ts";

const ALL_SEEN = moment("900:900:", 1n);

Deno.test("keys that wait to be read again are told while the pace makes them wait", async () => {
  const again = [["1"], ["2"]];
  const state = {
    ...QUEUED,
    status: "running" as const,
    tableOid: 7,
    keyColumns: ["id"],
    keyOrder: "integer",
    lastKey: ["5"],
    again,
    rows: 5,
    startedAtMs: 1,
  };
  const bed = new SnapshotsBed({ ledger: { states: [state], requestsTaken: null } });
  const reader = new FakeSnapshotReader();
  reader.onChunk = ({ keys }) => chunk(keys === null ? [["6", "f", "F"]] : [["1", "a", "A"]], ALL_SEEN, true);
  const { clock, snapshots } = bed;
  const reading = new TableReading({
    snapshots,
    reader,
    session: { describeRelation: () => Promise.reject(new Error("all types are known")) },
    format: bed.format,
    unshown: bed.unshown,
    isWalShort: () => false,
    pace: new RowPace(1, clock),
    events: publishTo([]),
    clock,
  });
  const run = bed.runs.take()!;
  const over = new AbortController();
  const reads = (async () => {
    for (;;) {
      await reading.read(run, over.signal);
      await clock.sleep(1, over.signal);
    }
  })();
  reads.catch(() => {});
  await clock.until(() => snapshots.isDue, () => "nothing was read");
  await bed.send();
  // Now both keys are due, and the pace makes them wait for a second.
  await clock.pass(100);
  bed.runs.touch(run);
  deepStrictEqual((await bed.deliver()).notes?.states[0]?.again, again);
  await clock.until(() => snapshots.isDue, () => "nothing was read again");
  // Beside the stream, a row that changes all the time would never stay in what was read.
  strictEqual(reader.queries.length, 1, "keys were read while the stream was not at a border");
  await bed.send();
  deepStrictEqual(reader.queries.map(({ keys }) => keys), [null, again]);
  over.abort();
});
