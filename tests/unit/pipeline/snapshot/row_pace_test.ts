// How many rows are read a second.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { RowPace } from "../../../../src/pipeline/snapshot/row_pace.ts";
import { SimulatedClock } from "../../../support/simulated_clock.ts";

const SIGNAL = new AbortController().signal;

Deno.test("several readers together read as many rows a second as they may", async () => {
  const clock = new SimulatedClock();
  const pace = new RowPace(100, clock);
  let rows = 0;
  const read = async () => {
    for (;;) {
      await pace.rest(SIGNAL);
      pace.didRead(pace.rowsMax);
      rows += pace.rowsMax;
      await clock.sleep(1, SIGNAL);
    }
  };
  for (let reader = 0; reader < 3; reader++) read();
  await clock.pass(20_000);
  ok(rows >= 1_900 && rows <= 2_200, `${rows} rows in 20 s`);
});

Deno.test("rows that were not read for a while are not made up for", async () => {
  const clock = new SimulatedClock();
  const pace = new RowPace(10, clock);
  await clock.pass(60_000);
  const waits: number[] = [];
  for (let chunk = 0; chunk < 3; chunk++) {
    const before = clock.now();
    await clock.run(pace.rest(SIGNAL));
    waits.push(clock.now() - before);
    pace.didRead(10);
  }
  deepStrictEqual(waits, [0, 1_000, 1_000]);
});

Deno.test("without a limit, nothing waits; with the smallest, one row is read at a time", async () => {
  const clock = new SimulatedClock();
  const pace = new RowPace(undefined, clock);
  pace.didRead(1_000_000);
  await pace.rest(SIGNAL);
  strictEqual(pace.rowsMax, Infinity);
  strictEqual(new RowPace(1, clock).rowsMax, 1);
});
