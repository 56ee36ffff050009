// What metrics, status line and status page say of snapshots.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import type { SnapshotState } from "../../../src/core/snapshot_state.ts";
import { renderMetrics } from "../../../src/observability/metrics.ts";
import { RowRate, rowsPerSecond } from "../../../src/observability/row_rate.ts";
import { Statistics } from "../../../src/observability/statistics.ts";
import { statusJson } from "../../../src/observability/status_json.ts";
import { statusFields } from "../../../src/observability/status_line.ts";
import type { StatusSnapshot } from "../../../src/observability/status_snapshot.ts";
import { queuedSnapshot } from "../../support/snapshot_states.ts";

const NOW_MS = 1_800_000_000_000;

Deno.test("metrics say how many tables have which status, and how many rows are in Kafka", () => {
  const statistics = new Statistics();
  deepStrictEqual(snapshotLines(statistics), ["pg_capture_snapshot_rows_total 0"], "nothing is known yet");
  statistics.snapshotsFound([queuedSnapshot("old", { status: "complete", rows: 70 })], NOW_MS);
  for (const table of ["a", "b", "c"]) {
    statistics.snapshotChanged(queuedSnapshot(table, { updatedAtMs: NOW_MS }));
  }
  statistics.snapshotDelivered(running("a", 10, 100, NOW_MS + 1000));
  statistics.snapshotDelivered(running("a", 25, 100, NOW_MS + 2000));
  statistics.snapshotDelivered(complete("b", 4, NOW_MS + 3000));
  statistics.snapshotChanged(queuedSnapshot("c", { status: "failed", reason: "it is gone" }));
  deepStrictEqual(snapshotLines(statistics), [
    'pg_capture_snapshot_tables{status="queued"} 0',
    'pg_capture_snapshot_tables{status="running"} 1',
    'pg_capture_snapshot_tables{status="paused"} 0',
    'pg_capture_snapshot_tables{status="complete"} 2',
    'pg_capture_snapshot_tables{status="stopped"} 0',
    'pg_capture_snapshot_tables{status="failed"} 1',
    "pg_capture_snapshot_rows 25",
    "pg_capture_snapshot_rows_expected 100",
    "pg_capture_snapshot_rows_total 29",
    `pg_capture_snapshot_advanced_timestamp_seconds ${NOW_MS / 1000 + 3}`,
  ]);
});

Deno.test("rows are expected only if that is known of each table that has not ended", () => {
  const statistics = opened("a", "b");
  statistics.snapshotDelivered(running("a", 10, 100));
  strictEqual(statistics.read().snapshots.rowsExpected, null);
  statistics.snapshotDelivered(running("b", 10, 50));
  strictEqual(statistics.read().snapshots.rowsExpected, 150);
  statistics.snapshotDelivered({ ...running("b", 30, 50), status: "paused" });
  strictEqual(statistics.read().snapshots.rowsExpected, 150);
  statistics.snapshotDelivered(complete("a", 90));
  const { rows, rowsExpected } = statistics.read().snapshots;
  deepStrictEqual([rows, rowsExpected], [30, 50]);
});

Deno.test("what is complete or stopped counts as such when Kafka has it; what is paused or failed, at once", () => {
  const statistics = opened("a", "b", "c");
  statistics.snapshotChanged(complete("a", 5));
  statistics.snapshotChanged(queuedSnapshot("b", { status: "stopped" }));
  statistics.snapshotChanged(queuedSnapshot("c", { status: "paused" }));
  deepStrictEqual(tables(statistics), { queued: 2, paused: 1 });
  statistics.snapshotDelivered(complete("a", 5));
  statistics.snapshotDelivered(queuedSnapshot("b", { status: "stopped" }));
  deepStrictEqual(tables(statistics), { paused: 1, complete: 1, stopped: 1 });
});

Deno.test("rows are counted once, whatever is delivered again, and from the start if a table begins anew", () => {
  const statistics = new Statistics();
  statistics.snapshotsFound([running("a", 500, null)], NOW_MS);
  statistics.snapshotDelivered(running("a", 600, null));
  statistics.snapshotDelivered(running("a", 40, null));
  statistics.snapshotDelivered(complete("a", 50));
  statistics.snapshotDelivered(complete("a", 50));
  strictEqual(statistics.read().snapshots.rowsDelivered, 150);
  statistics.snapshotsFound([complete("a", 50)], NOW_MS);
  strictEqual(statistics.read().snapshots.rowsDelivered, 150, "a session's begin does not reset it");
});

Deno.test("a state that is late says nothing of the next snapshot of its table", () => {
  const statistics = opened("a");
  statistics.snapshotDelivered(running("a", 5, null));
  statistics.snapshotChanged(queuedSnapshot("a", { id: "next" }));
  statistics.snapshotDelivered({ ...running("a", 9, null), status: "stopped" });
  deepStrictEqual(tables(statistics), { queued: 1 });
  strictEqual(statistics.read().snapshots.rows, 0);
});

Deno.test("an open snapshot advances with rows or a complete table, not with retries of another", () => {
  const statistics = new Statistics();
  const advancedAt = () => statistics.read().snapshots.advancedAtMs;
  statistics.snapshotsFound([], NOW_MS);
  strictEqual(advancedAt(), null);
  statistics.snapshotChanged(queuedSnapshot("a", { updatedAtMs: NOW_MS + 1 }));
  statistics.snapshotChanged(queuedSnapshot("b", { updatedAtMs: NOW_MS + 2 }));
  strictEqual(advancedAt(), NOW_MS + 1);
  statistics.snapshotDelivered(running("a", 5, null, NOW_MS + 3));
  statistics.snapshotDelivered(running("a", 5, null, NOW_MS + 4));
  strictEqual(advancedAt(), NOW_MS + 3);
  const failed = queuedSnapshot("b", { status: "failed", reason: "no", updatedAtMs: NOW_MS + 5 });
  statistics.snapshotChanged(failed);
  statistics.snapshotDelivered(failed);
  statistics.snapshotChanged(queuedSnapshot("b", { updatedAtMs: NOW_MS + 6 }));
  strictEqual(advancedAt(), NOW_MS + 3);
  statistics.snapshotsFound([running("a", 5, null, NOW_MS + 4)], NOW_MS + 7);
  strictEqual(advancedAt(), NOW_MS + 3, "a new session alone is no progress");
  statistics.snapshotChanged({ ...running("a", 5, null, NOW_MS + 8), status: "paused" });
  strictEqual(advancedAt(), null, "nothing that is paused is late");
  statistics.snapshotChanged({ ...running("a", 5, null, NOW_MS + 9), status: "queued" });
  strictEqual(advancedAt(), NOW_MS + 9);
  statistics.snapshotDelivered(complete("a", 9, NOW_MS + 10));
  strictEqual(advancedAt(), null);
});

Deno.test("after a start, a snapshot has the whole time until it stands: what it delivered long ago is past", () => {
  const statistics = new Statistics();
  statistics.snapshotsFound([running("a", 5, null, 1)], NOW_MS);
  strictEqual(statistics.read().snapshots.advancedAtMs, NOW_MS);
});

Deno.test("an instance that waits for the slot says nothing of snapshots: the one that holds it does", () => {
  const statistics = opened("a");
  statistics.snapshotDelivered(running("a", 5, 10));
  statistics.stateChanged("postgres", "waiting");
  deepStrictEqual(snapshotLines(statistics), ["pg_capture_snapshot_rows_total 5"]);
  deepStrictEqual(statusJson(status(statistics)).snapshots.listed, []);
});

Deno.test("the status line has fields about snapshots only while some are open", () => {
  const statistics = opened("a", "b");
  statistics.snapshotDelivered(running("a", 1000, null));
  const previous = statistics.read();
  statistics.snapshotDelivered(running("a", 3000, null));
  const fields = statusFields(previous, statistics.read(), 10_000, NOW_MS);
  deepStrictEqual(
    [fields.snapshot_tables_left, fields.snapshot_rows, fields.snapshot_rows_per_second],
    [2, 3000, 200],
  );
  statistics.snapshotDelivered(complete("a", 3000));
  statistics.snapshotDelivered(complete("b", 1));
  const later = statusFields(previous, statistics.read(), 10_000, NOW_MS);
  ok(!Object.keys(later).some((name) => name.startsWith("snapshot")));
});

Deno.test("status.json lists rows, rate, time left and what is wrong", () => {
  const statistics = opened("a", "b");
  for (let second = 1; second <= 10; second++) {
    statistics.snapshotDelivered(running("a", second * 100, 2000, NOW_MS + second * 1000));
  }
  statistics.snapshotChanged(
    queuedSnapshot("b", { status: "failed", reason: "permission denied (fix: GRANT SELECT ON b TO ...)" }),
  );
  const { listed, ...all } = statusJson(status(statistics, NOW_MS + 10_000)).snapshots;
  deepStrictEqual([all.open, all.rows, all.rowsExpected, all.rowsDelivered], [1, 1000, 2000, 1000]);
  deepStrictEqual([all.rowsPerSecond, all.secondsLeft], [100, 10]);
  deepStrictEqual(
    listed.map(({ table, status, rows, rowsPerSecond, secondsLeft, found, fix }) => [
      ...[table, status, rows, rowsPerSecond, secondsLeft, found, fix],
    ]),
    [
      ["a", "running", 1000, 100, 10, null, null],
      ["b", "failed", 0, 0, null, "permission denied", "GRANT SELECT ON b TO ..."],
    ],
  );
});

Deno.test("a table that waits says why until it goes on, and until then it has no time left", () => {
  const statistics = opened("a");
  const found = () => statusJson(status(statistics)).snapshots.listed[0]?.found;
  statistics.snapshotDelivered(running("a", 100, 200));
  statistics.snapshotWaits({ schema: "public", table: "a" }, "another session has locked the table");
  statistics.snapshotDelivered(running("a", 100, 200));
  strictEqual(found(), "another session has locked the table");
  const late = statusJson(status(statistics, NOW_MS + 3_600_000)).snapshots.listed[0];
  deepStrictEqual([late?.rowsPerSecond, late?.secondsLeft], [0, null]);
  statistics.snapshotDelivered(running("a", 150, 200));
  strictEqual(found(), null);
});

Deno.test("a snapshot that has ended is listed for five minutes", () => {
  const statistics = opened("a");
  statistics.snapshotDelivered(complete("a", 3, NOW_MS));
  const listed = (ms: number) => statusJson(status(statistics, NOW_MS + ms)).snapshots.listed.length;
  deepStrictEqual([listed(299_000), listed(301_000)], [1, 0]);
});

Deno.test("of 10,000 tables, those that say something are listed, and no list grows", () => {
  const statistics = new Statistics();
  statistics.snapshotsFound([], NOW_MS);
  for (let n = 0; n < 10_000; n++) statistics.snapshotChanged(queuedSnapshot(`t${n}`));
  statistics.snapshotDelivered(running("t9000", 5, 10));
  statistics.snapshotChanged(queuedSnapshot("t9001", { status: "failed", reason: "it is gone" }));
  for (let n = 0; n < 5_000; n++) statistics.snapshotDelivered(complete(`t${n}`, 1));
  const { listed, tables } = statusJson(status(statistics)).snapshots;
  deepStrictEqual(listed.slice(0, 2).map(({ table }) => table), ["t9000", "t9001"]);
  ok(listed.length <= 70);
  deepStrictEqual([tables?.complete, tables?.queued], [5_000, 4_998]);
});

Deno.test("no key, condition or id of a row is in the status", () => {
  const statistics = opened("a");
  const keys = { keyColumns: ["email"], lastKey: ["planted"], again: [["planted"]], where: "a = 'planted'" };
  statistics.snapshotDelivered({ ...running("a", 5, 10), ...keys });
  statistics.snapshotsFound([{ ...running("a", 5, 10), ...keys }], NOW_MS);
  ok(!JSON.stringify(statusJson(status(statistics))).includes("planted"));
});

Deno.test("only rows of snapshots queued are no lag, and their delivery is no change's", () => {
  const statistics = opened("a");
  statistics.stateChanged("postgres", "streaming");
  statistics.stateChanged("kafka", "streaming");
  statistics.queued(100, 5_000, 0);
  strictEqual(statusFields(statistics.read(), statistics.read(), 0, NOW_MS).lag_seconds, 0);
  const delivery = { records: 100, bytes: 5_000, durationMs: 3, deliveredAtMs: NOW_MS };
  statistics.delivered({ ...delivery, commitTimeMs: 0, commitTimes: { forEach() {} } });
  strictEqual(statistics.read().delivered.commitTimeMs, undefined);
  strictEqual(statistics.read().delivered.records, 100);
});

Deno.test("the rate is that of the last seconds, falls while nothing comes, and begins anew after a pause", () => {
  const rate = new RowRate(0, NOW_MS);
  const at = (seconds: number) => Math.round(rowsPerSecond(rate.read(), NOW_MS + seconds * 1000));
  rate.take(500, NOW_MS + 500);
  strictEqual(at(0.5), 500);
  for (let second = 1; second <= 20; second++) rate.take(second * 1000, NOW_MS + second * 1000);
  deepStrictEqual([at(20), at(25), at(3600)], [1000, 1000, 0]);
  rate.take(20_100, NOW_MS + 3_600_000);
  rate.take(20_600, NOW_MS + 3_601_000);
  strictEqual(at(3601), 500);
  rate.take(20_700, NOW_MS);
  rate.take(21_700, NOW_MS + 1_000);
  strictEqual(at(1), 1000, "also after the clock was set back");
});

function opened(...names: readonly string[]): Statistics {
  const statistics = new Statistics();
  statistics.snapshotsFound([], NOW_MS);
  for (const name of names) statistics.snapshotChanged(queuedSnapshot(name, { updatedAtMs: NOW_MS }));
  return statistics;
}

function running(table: string, rows: number, rowsExpected: number | null, atMs = NOW_MS): SnapshotState {
  const times = { startedAtMs: NOW_MS, updatedAtMs: atMs };
  return queuedSnapshot(table, { status: "running", rows, rowsExpected, ...times });
}

function complete(table: string, rows: number, atMs = NOW_MS): SnapshotState {
  return { ...running(table, rows, rows, atMs), status: "complete" };
}

function tables(statistics: Statistics): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(statistics.read().snapshots.tables ?? {}).filter(([, count]) => count > 0),
  );
}

function snapshotLines(statistics: Statistics): readonly string[] {
  return renderMetrics(status(statistics)).split("\n").filter((line) =>
    line.startsWith("pg_capture_snapshot")
  );
}

function status(statistics: Statistics, atMs = NOW_MS): StatusSnapshot {
  return {
    facts: {
      ...{ version: "0", runtime: "deno", postgres: "h:1/d", slot: "s", publication: "p" },
      ...{ kafka: "k:1", topicPrefix: "cdc", delivery: "exactly-once", startedAtMs: NOW_MS },
    },
    atMs,
    reading: statistics.read(),
    wal: {
      keptBytes: 8192,
      growthBytesPerSecond: 0,
      status: "reserved",
      bytesLeft: null,
      secondsUntilLost: null,
    },
    usage: { residentBytes: 1, heapBytes: 1, cpuSeconds: 1 },
    lastProblem: null,
    rates: [0, 1],
    recentLatency: statistics.latency,
  };
}
