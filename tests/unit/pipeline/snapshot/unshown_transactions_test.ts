// Transactions that were streamed and are not visible.

import { strictEqual } from "node:assert";
import { Visibility } from "../../../../src/core/visibility.ts";
import { UnshownTransactions } from "../../../../src/pipeline/snapshot/unshown_transactions.ts";

const ANY = 0xffff_ffff_ffff_ffffn;

Deno.test("a transaction that was streamed is found as long as a snapshot does not see it", () => {
  const unshown = new UnshownTransactions(true);
  unshown.add(100, 10n);
  strictEqual(unshown.unseenBy(seen("100:101:100"), ANY), 100);
  strictEqual(unshown.unseenBy(seen("100:100:"), ANY), 100);
  strictEqual(unshown.unseenBy(seen("101:101:"), ANY), undefined);
});

Deno.test("one that commits later than what is asked for does not count", () => {
  const unshown = new UnshownTransactions(true);
  unshown.add(100, 10n);
  unshown.add(99, 20n);
  strictEqual(unshown.unseenBy(seen("99:101:99"), 10n), undefined);
  strictEqual(unshown.unseenBy(seen("99:101:99"), 20n), 99);
});

Deno.test("what a snapshot has shown is forgotten, and the first of the others may not be confirmed", () => {
  const unshown = new UnshownTransactions(true);
  for (const [xid, commitLsn] of [[100, 10n], [101, 20n], [102, 30n]] as const) unshown.add(xid, commitLsn);
  strictEqual(unshown.firstCommitLsn, 10n);
  unshown.shown(seen("101:103:101"));
  strictEqual(unshown.firstCommitLsn, 20n);
  unshown.shown(seen("103:103:"));
  strictEqual(unshown.firstCommitLsn, undefined);
  strictEqual(unshown.unseenBy(seen("100:100:"), ANY), undefined);
});

Deno.test("a read that began before another snapshot showed a transaction may not see it", () => {
  const unshown = new UnshownTransactions(true);
  unshown.add(100, 10n);
  {
    using _reading = unshown.reading();
    unshown.shown(seen("101:101:"));
    strictEqual(unshown.firstCommitLsn, undefined, "it may be confirmed");
    strictEqual(unshown.unseenBy(seen("100:100:"), ANY), 100);
  }
  unshown.shown(seen("101:101:"));
  strictEqual(unshown.unseenBy(seen("100:100:"), ANY), undefined);
});

Deno.test("what ran when a session began may have been streamed before, until it is streamed or visible", () => {
  const unshown = new UnshownTransactions(false);
  strictEqual(unshown.isComplete, false);
  unshown.suspect(seen("100:104:100,102,103"));
  strictEqual(unshown.isComplete, true);
  strictEqual(unshown.unseenBy(seen("100:104:100,102,103"), 0n), 100);
  strictEqual(unshown.unseenBy(seen("102:104:102,103"), 0n), 102);
  unshown.add(102, 10n);
  strictEqual(unshown.unseenBy(seen("102:104:102"), 0n), undefined, "it commits later");
  strictEqual(unshown.unseenBy(seen("102:104:102"), 10n), 102);
  strictEqual(unshown.unseenBy(seen("103:104:103"), 0n), 103);
  unshown.shown(seen("104:104:"));
  strictEqual(unshown.unseenBy(seen("100:104:100,102,103"), ANY), undefined);
});

Deno.test("a snapshot of before the suspects are known makes none", () => {
  const unshown = new UnshownTransactions(false);
  unshown.shown(seen("100:100:"));
  strictEqual(unshown.isComplete, false);
});

Deno.test("when it was full, only what sees everything that runs will do", () => {
  const unshown = new UnshownTransactions(true);
  for (let index = 0; index < 300_000; index++) unshown.add(1_000 + index, BigInt(index));
  strictEqual(unshown.unseenBy(seen("999:400000:999"), ANY), 1_000 + (1 << 18) - 1);
  unshown.shown(seen("400000:400000:"));
  strictEqual(unshown.unseenBy(seen("400000:400001:"), ANY), undefined);
});

Deno.test("after a server's end everything that was committed is visible", () => {
  const unshown = new UnshownTransactions(true);
  unshown.add(100, 10n);
  unshown.clear();
  strictEqual(unshown.unseenBy(seen("100:100:"), ANY), undefined);
  strictEqual(unshown.firstCommitLsn, undefined);
});

function seen(text: string): Visibility {
  return Visibility.parse(text)!;
}
