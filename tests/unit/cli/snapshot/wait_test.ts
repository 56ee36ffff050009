// Waiting for a request and its snapshots, with a Kafka that follows a script.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { type SentRequest, waitForSnapshots } from "../../../../src/cli/snapshot/wait.ts";
import { CaptureError } from "../../../../src/core/errors.ts";
import type { SnapshotLedger, SnapshotState } from "../../../../src/core/snapshot_state.ts";
import { snapshotState } from "../../../support/snapshot_states.ts";

const FOREVER = new AbortController().signal;
const NOTHING: SnapshotLedger = { states: [], requestsTaken: null };
const USERS = { schema: "public", table: "users" };
const ORDERS = { schema: "public", table: "orders" };
const OURS = "s-9";

Deno.test("it ends when every table is complete", async () => {
  const { states, absent } = await wait({ tables: [USERS, ORDERS] }, [
    NOTHING,
    taken(snapshotState("users", { id: OURS, status: "queued" }), snapshotState("orders", { id: OURS })),
    taken(complete("users", OURS), snapshotState("orders", { id: OURS })),
    taken(complete("users", OURS), complete("orders", OURS), snapshotState("other")),
  ]).result;
  deepStrictEqual(states.map(({ table, status }) => [table, status]), [
    ["users", "complete"],
    ["orders", "complete"],
  ]);
  deepStrictEqual(absent, []);
});

Deno.test("one that failed or was stopped ends it, too, with its reason", async () => {
  const failed = snapshotState("users", { id: OURS, status: "failed", reason: "no SELECT" });
  deepStrictEqual((await wait({}, [NOTHING, taken(failed)]).result).states, [failed]);
  const stopped = snapshotState("users", { id: OURS, status: "stopped" });
  deepStrictEqual((await wait({}, [taken(stopped)]).result).states, [stopped]);
});

Deno.test("nothing counts before the request is taken", async () => {
  const untaken = { states: [complete("users", "s-1")], requestsTaken: 5n };
  const { result, reads } = wait({}, [untaken, untaken, taken(complete("users", OURS))]);
  await result;
  strictEqual(reads(), 3);
});

Deno.test("a snapshot that is not over is joined, whatever its id", async () => {
  const running = snapshotState("users", { id: "s-1" });
  for (const before of [running, snapshotState("users", { id: "s-1", status: "paused" })]) {
    const { states } = await wait({ before: { states: [before], requestsTaken: 1n } }, [
      taken(running),
      taken(complete("users", "s-1")),
    ]).result;
    deepStrictEqual(states.map(({ id }) => id), ["s-1"]);
  }
});

Deno.test("a snapshot that was over before does not count: pg-capture has begun none", async () => {
  const over = complete("users", "s-1");
  const { states, absent } = await wait({ before: { states: [over], requestsTaken: 1n } }, [taken(over)])
    .result;
  deepStrictEqual([states, absent], [[], [USERS]]);
});

Deno.test("a table that is not published any more is told when the others are over", async () => {
  const { states, absent } = await wait({ tables: [USERS, ORDERS] }, [
    taken(snapshotState("users", { id: OURS })),
    taken(complete("users", OURS)),
  ]).result;
  deepStrictEqual([states.map(({ table }) => table), absent], [["users"], [ORDERS]]);
});

Deno.test("a request that is not taken for 10 s, and a snapshot that is paused, are told once", async () => {
  const paused = taken(snapshotState("users", { id: OURS, status: "paused" }));
  const script = [...Array(50).fill(NOTHING), ...Array(50).fill(paused), taken(complete("users", OURS))];
  const { result, notes } = wait({}, script);
  await result;
  deepStrictEqual(notes, [
    "pg-capture has not picked up the request yet. Is it running with this slot and topic prefix?",
    "The snapshot of public.users is paused; to resume it: pg-capture snapshot --resume public.users",
  ]);
});

Deno.test("a Kafka that is away for a while is told once and asked again; one that rejects ends it", async () => {
  const away = new CaptureError("kafka-unavailable", "Cannot connect");
  const { result, notes } = wait({}, [NOTHING, ...Array(100).fill(away), taken(complete("users", OURS))]);
  strictEqual((await result).states.length, 1);
  deepStrictEqual(notes.filter((note) => note.startsWith("Cannot")), ["Cannot connect; retrying"]);
  await rejects(wait({}, Array(2_000).fill(away)).result, /Cannot connect/);
  const refused = new CaptureError("kafka-refused", "Cannot read");
  await rejects(wait({}, [NOTHING, refused]).result, /Cannot read/);
});

Deno.test("progress is shown from when the request is taken, and removed at the end", async () => {
  const running = taken(snapshotState("users", { id: OURS }));
  const { result, shown } = wait({}, [NOTHING, running, running, taken(complete("users", OURS))]);
  await result;
  deepStrictEqual(shown, ["10 of 100", "10 of 100", "end"]);
});

Deno.test("an abort ends the wait, and the bar with it", async () => {
  const abort = new AbortController();
  const { result, shown } = wait({}, [], abort.signal);
  abort.abort("enough");
  await rejects(result, (reason) => reason === "enough");
  deepStrictEqual(shown, ["end"]);
});

/** @param script what each look at Kafka finds */
function wait(
  sent: Partial<SentRequest>,
  script: readonly (SnapshotLedger | CaptureError)[],
  signal = FOREVER,
) {
  const notes: string[] = [];
  const shown: string[] = [];
  let reads = 0;
  let now = 0;
  const result = waitForSnapshots({ id: OURS, offset: 7n, tables: [USERS], before: NOTHING, ...sent }, {
    read() {
      const found = script[reads++] ?? NOTHING;
      return found instanceof CaptureError ? Promise.reject(found) : Promise.resolve(found);
    },
    display: {
      progress: ({ rows, rowsExpected }) => void shown.push(`${rows} of ${rowsExpected}`),
      note: (text) => void notes.push(text),
      end: () => void shown.push("end"),
    },
    clock: {
      now: () => now,
      async sleep(ms, signal) {
        now += ms;
        await Promise.resolve();
        signal.throwIfAborted();
      },
    },
  }, signal);
  return { result, notes, shown, reads: () => reads };
}

function taken(...states: readonly SnapshotState[]): SnapshotLedger {
  return { states, requestsTaken: 8n };
}

function complete(table: string, id: string): SnapshotState {
  return snapshotState(table, { id, status: "complete", rows: 100 });
}
