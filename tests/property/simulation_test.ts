// Whole captures on simulated time: whatever fails and whenever, each change is in Kafka once, in order.
//
// SIMULATION_SEED=<seed> replays one simulation; SIMULATIONS=<number> runs that many.

import { deepStrictEqual, ok } from "node:assert";
import { simulate } from "../support/simulation/simulate.ts";

const SIMULATIONS = Number(Deno.env.get("SIMULATIONS") ?? 100);
const SEED = Deno.env.get("SIMULATION_SEED");

/** What fails, how a history tells of it, and how often it has to: half of what 100 seeds gave. */
const FAULTS: Readonly<Record<string, { readonly line: RegExp; readonly perSimulation: number }>> = {
  "streams that end": { line: /retrying: The stream ended/, perSimulation: 1.3 },
  "connections refused": { line: /retrying: Cannot connect/, perSimulation: 0.6 },
  "crashes of PostgreSQL": { line: /PostgreSQL crashed/, perSimulation: 0.9 },
  "kills": { line: /the process is killed/, perSimulation: 0.6 },
  "answers of Kafka lost": { line: /The answer was lost|The commit was not answered/, perSimulation: 0.3 },
  "silence": { line: /nothing came from PostgreSQL/, perSimulation: 0.1 },
  "refused tables": { line: /the process ends: CaptureError: Cannot send table/, perSimulation: 0.25 },
};

Deno.test("each change is delivered once and in order, whatever fails", async () => {
  const first = SEED === undefined ? 1 : Number(SEED);
  const last = SEED === undefined ? SIMULATIONS : first;
  const happened = new Map(Object.keys(FAULTS).map((fault) => [fault, 0]));
  let records = 0;
  let sessions = 0;
  for (let seed = first; seed <= last; seed++) {
    const result = await replayable(seed, () => simulate(seed));
    sessions += result.sessions;
    records += result.records;
    for (const [fault, { line }] of Object.entries(FAULTS)) {
      happened.set(fault, happened.get(fault)! + result.history.filter((each) => line.test(each)).length);
    }
    if (result.violations.length > 0) throw new Error(`seed ${seed}:\n${result.history.join("\n")}`);
  }
  if (SEED !== undefined) return;
  ok(sessions > 4 * SIMULATIONS, `${sessions} sessions are few`);
  ok(records > 100 * SIMULATIONS, `${records} records are few`);
  for (const [fault, { perSimulation }] of Object.entries(FAULTS)) {
    ok(happened.get(fault)! > perSimulation * SIMULATIONS, `${fault}: ${happened.get(fault)} are few`);
  }
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
