// Snapshots on simulated time: whatever fails and whenever, no key steps back, and each row is there.
//
// SIMULATION_SEED=<seed> replays one simulation; SIMULATIONS=<number> runs that many.

import { deepStrictEqual, ok } from "node:assert";
import { simulateSnapshot } from "../support/simulation/simulate_snapshot.ts";

const SIMULATIONS = Number(Deno.env.get("SIMULATIONS") ?? 60);
const SEED = Deno.env.get("SIMULATION_SEED");

Deno.test("rows that are there come once, and never after what is newer", async () => {
  const first = SEED === undefined ? 1 : Number(SEED);
  const last = SEED === undefined ? SIMULATIONS : first;
  let [reads, sessions, records] = [0, 0, 0];
  for (let seed = first; seed <= last; seed++) {
    const result = await replayable(seed, () => simulateSnapshot(seed));
    sessions += result.sessions;
    reads += result.reads;
    records += result.records;
    if (result.violations.length > 0) throw new Error(`seed ${seed}:\n${result.history.join("\n")}`);
  }
  if (SEED !== undefined) return;
  ok(sessions > 4 * SIMULATIONS, `${sessions} sessions are few`);
  ok(reads > 20 * SIMULATIONS, `${reads} rows are few`);
  ok(records > 2 * reads, `${records} records are few`);
});

Deno.test("a seed of a snapshot replays exactly", async () => {
  const { history } = await simulateSnapshot(7);
  ok(history.length > 5);
  deepStrictEqual((await simulateSnapshot(7)).history, history);
});

async function replayable<Result>(seed: number, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}
