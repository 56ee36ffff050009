// How a fault test is declared: the quick ones run with all other tests, the slow ones only with `deno task test:fault`.

/** The variable of the environment that asks for the slow ones, too; set to 1. */
export const SLOW_TESTS = "PG_CAPTURE_SLOW_TESTS";

/** A test that is over in a few seconds. @param isPossible whether this machine allows it */
export function quickTest(behaviour: string, test: () => Promise<void>, isPossible = true): void {
  Deno.test({ name: behaviour, ignore: !isPossible, fn: test });
}

/** A test that waits for timeouts, or starts servers of its own again and again. */
export function slowTest(behaviour: string, test: () => Promise<void>, isPossible = true): void {
  Deno.test({ name: behaviour, ignore: !isPossible || Deno.env.get(SLOW_TESTS) !== "1", fn: test });
}
