// What `deno test` prints, read line by line.

import { stripVTControlCharacters } from "node:util";

/** How many tests came to what. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/** Whether a line says what a test came to: `name ... ok (2s)`. */
export function isResultLine(line: string): boolean {
  return / \.\.\. (ok|FAILED|ignored) \(/.test(stripVTControlCharacters(line));
}

/** The counts of the closing line, or undefined where there is none: then `deno test` did not get to its end. */
export function readCounts(output: string): TestCounts | undefined {
  const closing = stripVTControlCharacters(output).split("\n").findLast((line) => CLOSING.test(line));
  if (closing === undefined) return undefined;
  const count = (what: string) => Number(new RegExp(`(\\d+) ${what}`).exec(closing)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

const CLOSING = /^(ok|FAILED) \| \d+ passed/;

/** The sum of two. */
export function addCounts(a: TestCounts, b: TestCounts): TestCounts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, ignored: a.ignored + b.ignored };
}
