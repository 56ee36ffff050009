// What the log says of snapshots.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import type { SnapshotState } from "../../../src/core/snapshot_state.ts";
import { LifecycleLog } from "../../../src/observability/lifecycle_log.ts";
import type { LogFields } from "../../../src/observability/logger.ts";
import { WalGuard } from "../../../src/observability/wal_guard.ts";
import { queuedSnapshot } from "../../support/snapshot_states.ts";

const WAL = { end: 1n, keptFrom: 1n, status: "reserved", bytesLeft: null, visibility: null } as const;

class Heard {
  readonly lines: (readonly [string, LogFields])[] = [];
  readonly warnings = new Set<string>();
  nowMs = 0;
  readonly log = new LifecycleLog(
    {
      trace() {},
      debug() {},
      info: (message, fields = {}) => this.lines.push([message, known(fields)]),
      warn: (message, fields = {}) => {
        this.lines.push([message, known(fields)]);
        this.warnings.add(message);
      },
      error() {},
    },
    new WalGuard(),
    () => this.nowMs,
  );

  /** Lets time pass, as the log notices it. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.log.walWatched(WAL);
  }
}

function known(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function running(table: string, rows: number): SnapshotState {
  return queuedSnapshot(table, { status: "running", rows, startedAtMs: 1_000, rowsExpected: 900 });
}

function complete(table: string, rows: number): SnapshotState {
  return queuedSnapshot(table, { status: "complete", rows, startedAtMs: 1_000, updatedAtMs: 3_500 });
}

Deno.test("a snapshot has a line when it begins to send, and one when it is complete", () => {
  const { log, lines } = new Heard();
  log.snapshotsFound([]);
  log.snapshotChanged(queuedSnapshot("users"));
  log.snapshotDelivered(running("users", 500));
  log.snapshotDelivered(running("users", 800));
  log.snapshotChanged(complete("users", 1000));
  strictEqual(lines.length, 1, "it is complete when that is delivered");
  log.snapshotDelivered(complete("users", 1000));
  log.snapshotDelivered(complete("users", 1000));
  deepStrictEqual(lines, [
    ["Snapshot started", { table: "public.users", snapshot: "initial", rows: 500, rows_expected: 900 }],
    ["Snapshot complete", {
      ...{ table: "public.users", snapshot: "initial", rows: 1000 },
      ...{ seconds: 2.5, rows_per_second: 400 },
    }],
  ]);
});

Deno.test("10,000 small tables have few lines, and those account for all of them", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  log.snapshotsFound([]);
  for (let n = 0; n < 10_000; n++) log.snapshotChanged(queuedSnapshot(`t${n}`));
  for (let n = 0; n < 10_000; n++) {
    if (n % 50 === 0) heard.pass(300);
    log.snapshotDelivered(complete(`t${n}`, 3));
  }
  ok(lines.length < 50, `${lines.length} lines in a minute`);
  const single = lines.filter(([message]) => message === "Snapshot complete").length;
  const sums = lines.filter(([message]) => message === "Snapshots complete").map(([, fields]) => fields);
  strictEqual(single + sums.reduce((sum, { tables }) => sum + Number(tables), 0), 10_000);
  strictEqual(single * 3 + sums.reduce((sum, { rows }) => sum + Number(rows), 0), 30_000);
  deepStrictEqual(lines.at(-1), [
    "All snapshots have ended",
    { complete: 10_000, failed: 0, stopped: 0, rows: 30_000 },
  ]);
});

Deno.test("what was held back is logged after ten seconds, and when capture stops", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  log.snapshotsFound([]);
  for (let n = 0; n < 20; n++) log.snapshotChanged(queuedSnapshot(`t${n}`));
  for (let n = 0; n < 12; n++) log.snapshotDelivered(complete(`t${n}`, 10));
  strictEqual(lines.length, 5);
  heard.pass(9_000);
  strictEqual(lines.length, 5);
  heard.pass(1_000);
  deepStrictEqual(lines.slice(5), [["Snapshots complete", { tables: 7, rows: 70 }]]);
  for (let n = 12; n < 19; n++) log.snapshotDelivered(complete(`t${n}`, 10));
  log.stateChanged("postgres", "stopped");
  log.stateChanged("kafka", "stopped");
  deepStrictEqual(lines.at(-1), ["Snapshots complete", { tables: 2, rows: 20 }]);
});

Deno.test("a large table among many small ones has its two lines", () => {
  const { log, lines } = new Heard();
  log.snapshotsFound([]);
  for (const table of ["large", "a", "b", "c", "d", "e", "f", "g"]) {
    log.snapshotChanged(queuedSnapshot(table));
  }
  log.snapshotDelivered(running("large", 500));
  for (const table of ["a", "b", "c", "d", "e", "f"]) log.snapshotDelivered(complete(table, 1));
  log.snapshotDelivered(complete("large", 900));
  deepStrictEqual(lines.map(([message, { table }]) => [message, table]), [
    ["Snapshot started", "public.large"],
    ...["a", "b", "c", "d", "e"].map((table) => ["Snapshot complete", `public.${table}`]),
    ["Snapshot complete", "public.large"],
  ]);
});

Deno.test("a failure is a warning with its fix, and is not repeated while it is the same", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  const reason =
    'Cannot read table "public"."t": permission denied (fix: GRANT SELECT ON "public"."t" TO ...)';
  const failed = queuedSnapshot("t", { status: "failed", reason });
  log.snapshotsFound([]);
  log.snapshotChanged(queuedSnapshot("t"));
  for (let tries = 0; tries < 3; tries++) {
    log.snapshotChanged(failed);
    log.snapshotDelivered(failed);
    heard.pass(60_000);
    log.snapshotChanged(queuedSnapshot("t", { reason }));
  }
  const fields = { table: "public.t", snapshot: "initial" };
  deepStrictEqual(lines, [
    ["The snapshot of a table failed", {
      ...fields,
      found: 'Cannot read table "public"."t": permission denied',
      fix: 'GRANT SELECT ON "public"."t" TO ...',
    }],
  ]);
  ok(heard.warnings.has("The snapshot of a table failed"));
  log.snapshotChanged({ ...failed, reason: "it is gone" });
  deepStrictEqual(lines[1], ["The snapshot of a table failed", { ...fields, found: "it is gone" }]);
});

Deno.test("at the first session's begin, what failed before and what goes on is logged", () => {
  const { log, lines } = new Heard();
  const found = [
    queuedSnapshot("done", { status: "complete", rows: 5, startedAtMs: 1 }),
    queuedSnapshot("bad", { status: "failed", reason: "it is gone" }),
    running("large", 70),
    queuedSnapshot("paused", { status: "paused", rows: 8, startedAtMs: 1 }),
  ];
  log.snapshotsFound(found);
  log.snapshotsFound(found);
  deepStrictEqual(lines, [
    ["The snapshot of a table failed", { table: "public.bad", snapshot: "initial", found: "it is gone" }],
    ["Snapshots in progress", { tables: 1, rows: 70 }],
    ["Snapshots in progress", { tables: 1, rows: 70 }],
  ]);
  log.snapshotDelivered(running("large", 90));
  strictEqual(lines.length, 3, "it does not begin again");
});

Deno.test("requests are logged with what they do; a condition is not, because it may hold values", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  log.snapshotsFound([]);
  const asked = { kind: "start", id: "s1", tables: ["public.users"], where: "email = 'planted'" } as const;
  log.snapshotRequested(asked, undefined);
  log.snapshotChanged(queuedSnapshot("users", { id: "s1" }));
  log.snapshotDelivered({ ...running("users", 5), id: "s1" });
  log.snapshotRequested({ kind: "pause", tables: [] }, undefined);
  log.snapshotChanged({ ...running("users", 5), id: "s1", status: "paused" });
  log.snapshotRequested({ kind: "resume", tables: ["public.*"] }, undefined);
  log.snapshotChanged({ ...running("users", 5), id: "s1", status: "queued" });
  log.snapshotRequested({ kind: "stop", tables: ["*.users"] }, undefined);
  log.snapshotChanged({ ...running("users", 5), id: "s1", status: "stopped" });
  log.snapshotDelivered({ ...running("users", 5), id: "s1", status: "stopped" });
  log.snapshotRequested(undefined, "it is no JSON (fix: use pg-capture snapshot)");
  const table = { table: "public.users", snapshot: "s1", rows: 5 };
  deepStrictEqual(lines, [
    ["Snapshot request accepted", {
      ...{ request: "start", tables: "public.users", snapshot: "s1", has_condition: true },
    }],
    ["Snapshot started", { ...table, rows_expected: 900 }],
    ["Snapshot request accepted", { request: "pause", tables: "all" }],
    ["Snapshot paused", table],
    ["Snapshot request accepted", { request: "resume", tables: "public.*" }],
    ["Snapshot resumed", table],
    ["Snapshot request accepted", { request: "stop", tables: "*.users" }],
    ["Snapshot stopped", table],
    ["Rejected a snapshot request", { found: "it is no JSON", fix: "use pg-capture snapshot" }],
  ]);
});

Deno.test("a flood of requests is summed up, and a long one is cut", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  for (let n = 0; n < 1000; n++) log.snapshotRequested(undefined, "it is no JSON");
  strictEqual(lines.length, 5);
  heard.pass(10_000);
  deepStrictEqual(lines.at(-1), [
    "Rejected several snapshot requests",
    { requests: 995, found: "it is no JSON" },
  ]);
  log.snapshotRequested({ kind: "stop", tables: Array.from({ length: 9999 }, () => "a.b") }, undefined);
  ok(String(lines.at(-1)?.[1].tables).length < 250);
});

Deno.test("a table that waits is logged twice a minute, however often that is told", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  log.snapshotsFound([]);
  log.snapshotChanged(queuedSnapshot("users"));
  for (; heard.nowMs < 60_000; heard.nowMs += 200) {
    log.snapshotWaits({ schema: "public", table: "users" }, "another session has locked the table");
  }
  const line = ["A table's snapshot is waiting", {
    table: "public.users",
    found: "another session has locked the table",
  }];
  deepStrictEqual(lines, [line, line]);
  ok(heard.warnings.has("A table's snapshot is waiting"));
});

Deno.test("nothing that the log holds of a state is a key", () => {
  const heard = new Heard();
  const { log, lines } = heard;
  const keys = { keyColumns: ["email"], lastKey: ["planted"], again: [["planted"]], where: "a = 'planted'" };
  log.snapshotsFound([]);
  log.snapshotChanged(queuedSnapshot("t", keys));
  log.snapshotDelivered({ ...running("t", 4), ...keys });
  log.snapshotDelivered({ ...complete("t", 4), ...keys });
  strictEqual(lines.length, 2);
  ok(!JSON.stringify(lines).includes("planted"));
});
