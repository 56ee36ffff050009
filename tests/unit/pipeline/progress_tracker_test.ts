// The rule confirmed <= saved <= delivered, which the tracker asserts.

import { strictEqual, throws } from "node:assert";
import type { Position } from "../../../src/core/position.ts";
import { ProgressTracker } from "../../../src/pipeline/progress_tracker.ts";

function at(endLsn: bigint): Position {
  return { commitLsn: endLsn - 1n, seq: 1, commitTimeMs: 0, endLsn };
}

Deno.test("what is delivered may be confirmed only when it is saved", () => {
  const tracker = new ProgressTracker(at(10n));
  tracker.markDelivered(at(20n));
  strictEqual(tracker.confirmable, 10n);
  throws(() => tracker.markConfirmed(20n), /confirmed would be 0\/14/);
  tracker.markSaved(at(20n));
  strictEqual(tracker.confirmable, 20n);
  tracker.markConfirmed(20n);
  strictEqual(tracker.confirmed, 20n);
});

Deno.test("nothing is saved that is not delivered", () => {
  const tracker = new ProgressTracker(at(10n));
  throws(() => tracker.markSaved(at(20n)), /delivered is behind saved/);
});

Deno.test("nothing goes back", () => {
  const tracker = new ProgressTracker(at(10n));
  tracker.markDelivered(at(20n));
  tracker.markSaved(at(20n));
  tracker.markConfirmed(20n);
  throws(() => tracker.markDelivered(at(15n)), /delivered would go back/);
  throws(() => tracker.markSaved(at(15n)), /saved would go back/);
  throws(() => tracker.markConfirmed(15n), /confirmed would be/);
});

Deno.test("a part of a transaction that is delivered confirms nothing of it", () => {
  const tracker = new ProgressTracker({ commitLsn: 5n, seq: 2, commitTimeMs: 0, endLsn: 10n });
  tracker.markDelivered({ commitLsn: 15n, seq: 40, commitTimeMs: 0, endLsn: 10n });
  tracker.markSaved({ commitLsn: 15n, seq: 40, commitTimeMs: 0, endLsn: 10n });
  strictEqual(tracker.confirmable, 10n);
});
