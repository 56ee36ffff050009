// Requests of the control topic.

import { deepStrictEqual, strictEqual } from "node:assert";
import { advice } from "../../../../src/core/advice.ts";
import { CaptureError } from "../../../../src/core/errors.ts";
import type { SnapshotRequest } from "../../../../src/core/snapshot_state.ts";
import { answerRequests } from "../../../../src/pipeline/snapshot/requests.ts";
import { queuedSnapshot } from "../../../support/snapshot_states.ts";
import { SnapshotsBed } from "../../../support/snapshots_bed.ts";

const ONE = { kind: "start", id: "s-1", tables: ["a"], where: "id > 5" } as const;

/** Tables a and b are published; what became of their snapshots by these requests. */
async function answered(
  bed: SnapshotsBed,
  requests: readonly (SnapshotRequest | Error | string)[],
): Promise<{ readonly statuses: readonly string[]; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const over = new AbortController();
  const waiting = [...requests];
  let offset = 0n;
  const running = answerRequests({
    snapshots: bed.snapshots,
    session: {
      publishedNow: () => Promise.resolve(["a", "b"].map((table) => ({ schema: "public", table, oid: 9 }))),
    },
    sink: {
      readRequests: () => {
        const next = waiting.shift();
        if (next === undefined) return Promise.resolve([]);
        if (next instanceof Error) return Promise.reject(next);
        const received = typeof next === "string"
          ? { request: undefined, problem: next }
          : { request: next, problem: undefined };
        return Promise.resolve([{ offset: offset++, timeMs: 0, ...received }]);
      },
    },
    matches: (pattern, { table }) => pattern === table,
    events: { snapshotRequested: (_request, problem) => problem !== undefined && problems.push(problem) },
    clock: bed.clock,
    pollMs: 500,
  }, over.signal);
  running.catch(() => {});
  await bed.clock.pass(90_000);
  over.abort();
  strictEqual(bed.runs.requestsTaken, offset === 0n ? null : offset);
  const statuses = [...bed.runs.all].map(({ table, id, where, status }) =>
    `${table} ${id} ${where} ${status}`
  );
  return { statuses, problems };
}

Deno.test("a request queues the tables that it means, once; an unfinished snapshot stays", async () => {
  const unfinished = queuedSnapshot("b", { status: "paused" });
  const bed = new SnapshotsBed({ ledger: { states: [unfinished], requestsTaken: null } });
  const { statuses } = await answered(bed, [ONE, { ...ONE, id: "s-2", tables: [] }]);
  deepStrictEqual(statuses, ["b initial null paused", "a s-1 id > 5 queued"]);
});

Deno.test("a request that was taken in part before a kill does not begin again what it began", async () => {
  const done = queuedSnapshot("a", { id: "s-1", where: "id > 5", status: "complete" });
  const bed = new SnapshotsBed({ ledger: { states: [done], requestsTaken: null } });
  const { statuses } = await answered(bed, [{ ...ONE, tables: [] }]);
  deepStrictEqual(statuses, ["a s-1 id > 5 complete", "b s-1 id > 5 queued"]);
});

Deno.test("pause, resume and stop are about snapshots that they can concern", async () => {
  const all = ["queued", "running", "paused", "complete", "stopped", "failed"] as const;
  const after = { pause: 0, resume: 0, stop: 0 };
  const found: Record<string, string> = {};
  for (const kind of Object.keys(after) as (keyof typeof after)[]) {
    const states = all.map((status) => queuedSnapshot(status, { status }));
    const bed = new SnapshotsBed({ ledger: { states, requestsTaken: null } });
    await answered(bed, [{ kind, tables: [] }]);
    found[kind] = [...bed.runs.all].map(({ status }) => status).join(" ");
  }
  deepStrictEqual(found, {
    pause: "paused paused paused complete stopped failed",
    resume: "queued queued queued complete stopped failed",
    stop: "stopped stopped stopped complete stopped stopped",
  });
});

Deno.test("what can't be read is told and passed over, and a refusal by Kafka is told with its fix", async () => {
  const refusal = new CaptureError("kafka-refused", "Cannot read the topic", { hint: advice`allow Read` });
  const lost = new CaptureError("kafka-unavailable", "Lost the connection");
  const { statuses, problems } = await answered(new SnapshotsBed(), [refusal, lost, "no JSON", ONE]);
  deepStrictEqual(problems, ["Cannot read the topic (fix: allow Read)", "no JSON"]);
  deepStrictEqual(statuses, ["a s-1 id > 5 queued"]);
});
