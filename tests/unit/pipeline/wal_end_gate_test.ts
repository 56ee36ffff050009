// An end of WAL counts when two keepalives and the server itself agree on it.

import { deepStrictEqual, throws } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Lsn } from "../../../src/core/position.ts";
import { WalEndGate } from "../../../src/pipeline/wal_end_gate.ts";

class Events {
  readonly list: string[] = [];
  now = 0;
  readonly gate = new WalEndGate({
    from: 80n,
    advance: (endLsn: Lsn) => this.list.push(`advance ${endLsn}`),
    ask: () => this.list.push("ask"),
    look: () => this.list.push("look"),
    now: () => this.now,
  });

  take(): string[] {
    return this.list.splice(0);
  }
}

Deno.test("a first keepalive only asks for a second, which makes it count", () => {
  const events = new Events();
  events.gate.keepalive(100n);
  deepStrictEqual(events.take(), ["ask"]);
  events.gate.keepalive(100n);
  deepStrictEqual(events.take(), ["advance 100"]);
  events.gate.keepalive(100n);
  deepStrictEqual(events.take(), []);
});

Deno.test("of two that differ the lesser counts; while they grow it does not ask all the time", () => {
  const events = new Events();
  events.gate.keepalive(100n);
  events.gate.keepalive(120n);
  events.gate.keepalive(130n);
  deepStrictEqual(events.take(), ["ask", "advance 100", "advance 120"]);
  events.now = 500;
  events.gate.keepalive(140n);
  deepStrictEqual(events.take(), ["ask", "advance 130"]);
});

Deno.test("a flipped bit never counts: whichever keepalive has it, the next one contradicts it", () => {
  for (let bit = 0n; bit < 64n; bit++) {
    const events = new Events();
    events.gate.keepalive(0x5000n);
    events.gate.keepalive(0x5000n);
    const flipped = 0x6000n ^ (1n << bit);
    throws(() => {
      events.gate.keepalive(flipped);
      events.gate.keepalive(flipped > 0x6000n ? 0x6000n : 0x5000n);
      if (flipped >= 0x5000n && flipped < 0x6000n) {
        throw new CaptureError("postgres-corrupt", "harmless: below the end");
      }
    }, (error) => error instanceof CaptureError && error.kind === "postgres-corrupt");
    deepStrictEqual(
      events.list.filter((event) => event.startsWith("advance")).every((event) =>
        BigInt(event.slice(8)) <= 0x6000n
      ),
      true,
    );
  }
});

Deno.test("what lies beyond the server's own end waits until the server has it", () => {
  const events = new Events();
  events.gate.looked(90n);
  events.gate.keepalive(100n);
  events.gate.keepalive(100n);
  deepStrictEqual(events.take(), ["ask", "look"]);
  events.gate.looked(95n);
  deepStrictEqual(events.take(), []);
  events.gate.looked(100n);
  deepStrictEqual(events.take(), ["ask"]);
  events.gate.keepalive(100n);
  deepStrictEqual(events.take(), ["advance 100"]);
});

Deno.test("while the server can't be asked, as when it shuts down, two keepalives are enough", () => {
  const events = new Events();
  events.gate.looked(90n);
  events.gate.looked(undefined);
  events.gate.keepalive(100n);
  events.gate.keepalive(100n);
  deepStrictEqual(events.take(), ["ask", "advance 100"]);
});

Deno.test("while the walsender still reads below the slot's position, its keepalives say nothing", () => {
  const events = new Events();
  for (const walEnd of [80n, 20n, 70n, 60n, 80n]) events.gate.keepalive(walEnd);
  deepStrictEqual(events.take(), []);
  events.gate.keepalive(81n);
  events.gate.keepalive(81n);
  deepStrictEqual(events.take(), ["ask", "advance 81"]);
  throws(() => events.gate.keepalive(80n), /is below that of the one before/);
});
