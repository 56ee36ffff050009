// What is read from the output of `deno test`.

import { deepStrictEqual, strictEqual } from "node:assert";
import { addCounts, isResultLine, readCounts } from "../../support/test_report.ts";

Deno.test("the closing line has the counts, whatever tests print before it, colored or not", () => {
  const none = { passed: 0, failed: 0, ignored: 0 };
  deepStrictEqual(readCounts("ok | 7 passed | 0 failed (2s)\n\n"), { ...none, passed: 7 });
  deepStrictEqual(
    readCounts("\nFAILED | 8 passed (3 steps) | 2 failed | 1 ignored (1m3s)\n\nerror: Test failed\n"),
    { passed: 8, failed: 2, ignored: 1 },
  );
  deepStrictEqual(
    readCounts("ok | 1 passed | 0 failed (1s)\n\x1b[0m\x1b[32mok\x1b[0m | 5 passed | 0 failed\x1b[0m (1s)\n"),
    { ...none, passed: 5 },
  );
});

Deno.test("a run that did not get to its end has no counts", () => {
  strictEqual(
    readCounts("running 3 tests from ./tests/x_test.ts\na ... ok (1ms)\nerror: Uncaught"),
    undefined,
  );
});

Deno.test("a line that says what a test came to is told from the rest", () => {
  strictEqual(isResultLine("a test (skipped: there is no psql) ... ignored (0ms)"), true);
  strictEqual(isResultLine("a test ... \x1b[0m\x1b[31mFAILED\x1b[0m (2s)"), true);
  strictEqual(isResultLine("running 3 tests from ./tests/x_test.ts"), false);
  strictEqual(isResultLine("AssertionError: ... ok?"), false);
});

Deno.test("counts add up", () => {
  deepStrictEqual(
    addCounts({ passed: 1, failed: 2, ignored: 3 }, { passed: 10, failed: 20, ignored: 30 }),
    { passed: 11, failed: 22, ignored: 33 },
  );
});
