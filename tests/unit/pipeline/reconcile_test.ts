// Where a capture resumes, for each row of the table of what can be found at start.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Position, Progress } from "../../../src/core/position.ts";
import type { Checkpoint } from "../../../src/pipeline/ports.ts";
import { type Findings, reconcile } from "../../../src/pipeline/reconcile.ts";

const IDENTITY = { systemIdentifier: "7300", database: "shop", slot: "orders" };

function at(commitLsn: bigint, seq: number, endLsn: bigint): Position {
  return { commitLsn, seq, commitTimeMs: 0, endLsn };
}

function progress(position: Position, timeline = 1): Progress {
  return { identity: IDENTITY, timeline, publication: "shop", position };
}

function saved(position: Position, delivery: Checkpoint["delivery"] = "exactly-once"): Checkpoint {
  return { progress: progress(position), delivery };
}

function findings(changed: Partial<Findings>): Findings {
  return {
    identity: IDENTITY,
    delivery: "exactly-once",
    publication: "shop",
    timeline: 1,
    timelineHistory: [],
    walEnd: 1000n,
    slotIsNew: false,
    slotConfirmedLsn: 100n,
    progress: null,
    checkpoint: null,
    ...changed,
  };
}

function refuses(kind: string, message: RegExp, changed: Partial<Findings>): void {
  throws(() => reconcile(findings(changed)), (error) => {
    strictEqual(error instanceof CaptureError && error.kind, kind);
    strictEqual(message.test((error as Error).message), true, (error as Error).message);
    strictEqual(typeof (error as CaptureError).fix, "string", "a refusal names its fix");
    return true;
  });
}

Deno.test("nothing anywhere: a new slot's consistent point is where it begins", () => {
  deepStrictEqual(reconcile(findings({ slotIsNew: true, slotConfirmedLsn: 150n })), {
    position: at(0n, 0, 150n),
    from: "new slot",
    comesAgain: false,
    streamsFrom: 150n,
  });
});

Deno.test("a slot alone: its position is taken, with a warning that the tail may come again", () => {
  const { position, from, warning } = reconcile(findings({}));
  deepStrictEqual([position, from], [at(0n, 0, 100n), "slot"]);
  strictEqual(/may come again/.test(warning ?? ""), true);
});

Deno.test("Kafka and checkpoint the same: it goes on", () => {
  const position = at(90n, 3, 100n);
  deepStrictEqual(reconcile(findings({ progress: progress(position), checkpoint: saved(position) })), {
    position,
    from: "progress",
    comesAgain: false,
    streamsFrom: 100n,
  });
});

Deno.test("the last delivered transaction comes again where it commits at the slot's position or behind it", () => {
  const position = { ...at(100n, 3, 120n), commitTimeMs: 5_000 };
  const comesAgain = (changed: Partial<Findings>) =>
    reconcile(findings({ progress: progress(position), ...changed })).comesAgain;
  strictEqual(comesAgain({ slotConfirmedLsn: 100n }), true);
  strictEqual(comesAgain({ slotConfirmedLsn: 101n }), false);
  strictEqual(comesAgain({ progress: progress({ ...position, commitTimeMs: 0 }) }), false);
});

Deno.test("of another publication nothing that was delivered need come again, now or at a later start", () => {
  const position = { ...at(100n, 3, 120n), commitTimeMs: 5_000 };
  const resumption = reconcile(findings({ publication: "other", progress: progress(position) }));
  deepStrictEqual([resumption.comesAgain, resumption.position], [false, { ...position, commitTimeMs: 0 }]);
});

Deno.test("Kafka ahead of the checkpoint: Kafka's is taken", () => {
  const ahead = at(190n, 3, 200n);
  const resumption = reconcile(findings({ progress: progress(ahead), checkpoint: saved(at(90n, 3, 100n)) }));
  deepStrictEqual([resumption.position, resumption.from], [ahead, "progress"]);
});

Deno.test("Kafka ahead within one transaction: its number counts", () => {
  const ahead = at(190n, 7, 100n);
  const resumption = reconcile(findings({ progress: progress(ahead), checkpoint: saved(at(190n, 3, 100n)) }));
  deepStrictEqual(resumption.position, ahead);
});

Deno.test("no checkpoint: Kafka's is taken, with a warning", () => {
  const position = at(190n, 3, 200n);
  const resumption = reconcile(findings({ progress: progress(position) }));
  deepStrictEqual([resumption.position, resumption.from], [position, "progress"]);
  strictEqual(typeof resumption.warning, "string");
});

Deno.test("the checkpoint ahead of Kafka: refused, as it is another cluster or the topic was deleted", () => {
  const ahead = saved(at(190n, 3, 200n));
  refuses("position-conflict", /another Kafka cluster/, { checkpoint: ahead });
  refuses("position-conflict", /another Kafka cluster/, {
    checkpoint: ahead,
    progress: progress(at(90n, 3, 100n)),
  });
});

Deno.test("the checkpoint of an at-least-once run may be ahead of Kafka", () => {
  const ahead = at(190n, 3, 200n);
  for (const found of [null, progress(at(90n, 3, 100n))]) {
    const resumption = reconcile(findings({ checkpoint: saved(ahead, "at-least-once"), progress: found }));
    deepStrictEqual([resumption.position, resumption.from], [ahead, "checkpoint"]);
  }
});

Deno.test("the slot confirmed beyond both: refused, somebody moved or re-made it", () => {
  refuses("position-conflict", /slot "orders" is confirmed up to 0\/C9, but only changes up to 0\/C8/, {
    slotConfirmedLsn: 201n,
    progress: progress(at(190n, 3, 200n)),
    checkpoint: saved(at(190n, 3, 200n)),
  });
});

Deno.test("the slot confirmed less than what was delivered: what comes again is dropped", () => {
  const position = at(190n, 3, 200n);
  deepStrictEqual(
    reconcile(findings({ slotConfirmedLsn: 5n, progress: progress(position) })).position,
    position,
  );
});

Deno.test("a position beyond the server's end of WAL: refused, it is a restored backup", () => {
  refuses("position-conflict", /WAL ends at/, { walEnd: 199n, progress: progress(at(190n, 3, 200n)) });
  refuses("position-conflict", /WAL ends at/, {
    walEnd: 189n,
    progress: progress(at(190n, 3, 180n)),
    slotConfirmedLsn: 1n,
  });
});

Deno.test("another timeline: resumed when it forked after the position, else refused", () => {
  const found = { progress: progress(at(190n, 3, 200n), 1), timeline: 2 };
  const after = reconcile(findings({ ...found, timelineHistory: [{ timeline: 1, endLsn: 200n }] }));
  strictEqual(after.from, "progress");
  refuses("position-conflict", /standby that lagged/, {
    ...found,
    timelineHistory: [{ timeline: 1, endLsn: 199n }],
  });
  refuses("position-conflict", /not in its history/, {
    ...found,
    timelineHistory: [{ timeline: 3, endLsn: 900n }],
  });
});

Deno.test("a checkpoint of another server, database or slot: refused", () => {
  for (const other of [{ systemIdentifier: "1" }, { database: "crm" }, { slot: "other" }]) {
    const foreign = {
      progress: { ...progress(at(90n, 3, 100n)), identity: { ...IDENTITY, ...other } },
      delivery: "exactly-once" as const,
    };
    refuses("position-conflict", /belongs to another source/, { checkpoint: foreign });
  }
});

Deno.test("a slot that is gone although a position is known: refused", () => {
  refuses("slot-unusable", /slot "orders" is gone/, {
    slotIsNew: true,
    progress: progress(at(90n, 3, 100n)),
  });
  refuses("slot-unusable", /slot "orders" is gone/, {
    slotIsNew: true,
    checkpoint: saved(at(90n, 3, 100n), "at-least-once"),
  });
});
