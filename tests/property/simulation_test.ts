// Whole captures on simulated time: whatever fails and whenever, each change is in Kafka once, in order.
//
// SIMULATION_SEED=<seed> replays one simulation; SIMULATIONS=<number> runs that many.

import { deepStrictEqual, ok } from "node:assert";
import { simulate } from "../support/simulation/simulate.ts";

const SIMULATIONS = Number(Deno.env.get("SIMULATIONS") ?? 100);
const SEED = Deno.env.get("SIMULATION_SEED");

Deno.test("each change is delivered once and in order, whatever fails", async () => {
  const first = SEED === undefined ? 1 : Number(SEED);
  const last = SEED === undefined ? SIMULATIONS : first;
  let sessions = 0;
  for (let seed = first; seed <= last; seed++) {
    const result = await replayable(seed, () => simulate(seed));
    sessions += result.sessions;
    if (result.violations.length > 0) throw new Error(`seed ${seed}:\n${result.history.join("\n")}`);
  }
  ok(SEED !== undefined || sessions > 2 * SIMULATIONS, `${sessions} sessions are few`);
});

Deno.test("a seed replays exactly", async () => {
  const { history } = await simulate(7);
  ok(history.length > 5);
  deepStrictEqual((await simulate(7)).history, history);
});

async function replayable<Result>(seed: number, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}
