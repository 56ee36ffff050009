// What was delivered is dropped; a WAL that is not the one that was read is refused.

import { doesNotThrow, strictEqual, throws } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import { Deduplicator } from "../../../src/pipeline/deduplicator.ts";

const START = { commitLsn: 100n, seq: 70, commitTimeMs: 5_000, endLsn: 90n };

function refuses(act: () => void, message: RegExp): void {
  throws(act, (error) => {
    strictEqual(error instanceof CaptureError && error.kind, "position-conflict");
    strictEqual(message.test((error as Error).message), true, (error as Error).message);
    return true;
  });
}

Deno.test("all up to the position is delivered, and nothing after the first change that is not", () => {
  const deduplicator = new Deduplicator(START, false);
  strictEqual(deduplicator.isDelivered(99n, 1_000), true);
  strictEqual(deduplicator.isDelivered(100n, 70), true);
  strictEqual(deduplicator.isDelivered(100n, 71), false);
  strictEqual(deduplicator.isDelivered(101n, 1), false);
});

Deno.test("a message with number 0 does not stand for the transaction that commits at its LSN", () => {
  const deduplicator = new Deduplicator({ ...START, seq: 0, commitTimeMs: 0 }, false);
  strictEqual(deduplicator.isDelivered(100n, 0), true);
  strictEqual(deduplicator.isDelivered(100n, 1), false);
});

Deno.test("the last delivered transaction comes again as it was, after older ones", () => {
  const deduplicator = new Deduplicator(START, true);
  doesNotThrow(() => {
    deduplicator.begin(95n, 1);
    deduplicator.ended(100n);
    deduplicator.begin(100n, 5_000);
    deduplicator.begin(105n, 6_000);
    deduplicator.ended(110n);
  });
});

Deno.test("another transaction in its place, a later one or an end of WAL without it are another history", () => {
  refuses(() => new Deduplicator(START, true).begin(100n, 5_001), /0\/64 was delivered, but one of 1970/);
  refuses(() => new Deduplicator(START, true).begin(101n, 5_000), /none is there now/);
  refuses(() => new Deduplicator(START, true).ended(101n), /none is there now/);
});

Deno.test("where it need not come again, anything may come", () => {
  const deduplicator = new Deduplicator(START, false);
  doesNotThrow(() => deduplicator.begin(100n, 5_001));
  doesNotThrow(() => deduplicator.ended(500n));
});

Deno.test("a transaction that was read with wrong LSNs is refused if a part of it was delivered", () => {
  refuses(() => new Deduplicator(START, false).misread(100n), /a part of the transaction/);
  doesNotThrow(() => new Deduplicator(START, false).misread(101n));
});
