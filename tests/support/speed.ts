// How a fault test is declared: the quick ones run with all other tests, the slow ones only with `deno task test:fault`.

import { optionalTest } from "./optional.ts";

/** The variable of the environment that asks for the slow ones, too; set to 1. */
export const SLOW_TESTS = "PG_CAPTURE_SLOW_TESTS";

/** A test that is over in a few seconds. @param obstacle why this machine can't run it */
export function quickTest(behaviour: string, test: () => Promise<void>, obstacle?: string): void {
  optionalTest(behaviour, obstacle, test);
}

/** A test that waits for timeouts, or starts servers of its own again and again. */
export function slowTest(behaviour: string, test: () => Promise<void>, obstacle?: string): void {
  const isWanted = Deno.env.get(SLOW_TESTS) === "1";
  optionalTest(behaviour, isWanted ? obstacle : "slow, deno task test:fault runs it", test);
}
