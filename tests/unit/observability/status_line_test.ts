// The counters and the status line that is made of them.

import { strict as assert } from "node:assert";
import { CommitTimes } from "../../../src/pipeline/commit_times.ts";
import type { Delivery } from "../../../src/pipeline/events.ts";
import type { WalState } from "../../../src/pipeline/ports.ts";
import { Statistics } from "../../../src/observability/statistics.ts";
import { startStatusLine, statusFields } from "../../../src/observability/status_line.ts";

const NOW_MS = 1_800_000_000_000;
const USERS = { schema: "public", table: "users" };

Deno.test("everything the data path tells is counted", () => {
  const statistics = new Statistics();
  statistics.received(100, 3);
  statistics.received(50, 2);
  statistics.encoded(USERS, "INSERT", 2);
  statistics.encoded(USERS, "DELETE", 1);
  statistics.transactionsFinished(4);
  statistics.queued(6, 600, NOW_MS);
  statistics.delivered(delivery(2, 100, 7));
  statistics.delivered(delivery(1, 50, 3));
  statistics.failed("kafka-unavailable", true);
  statistics.failed("slot-unusable", false);
  const reading = statistics.read();
  assert.deepEqual(reading.received, { bytes: 150, messages: 5 });
  assert.deepEqual(reading.changes, { INSERT: 2, UPDATE: 0, DELETE: 1, TRUNCATE: 0, READ: 0, MESSAGE: 0 });
  assert.equal(reading.transactions, 4);
  assert.deepEqual(reading.delivered, {
    batches: 2,
    records: 3,
    bytes: 150,
    durationMs: 10,
    commitTimeMs: NOW_MS,
  });
  assert.equal(reading.errors, 2);
  assert.equal(reading.retries, 1);
  assert.deepEqual([...reading.errorsByKind], [["kafka-unavailable", 1], ["slot-unusable", 1]]);
  assert.deepEqual(reading.queued, { changes: 6, bytes: 600, oldestCommitTimeMs: NOW_MS });
});

Deno.test("a reading does not change any more", () => {
  const statistics = new Statistics();
  const reading = statistics.read();
  statistics.encoded(USERS, "INSERT", 1);
  statistics.stateChanged("kafka", "failed");
  statistics.failed("fenced", true);
  assert.equal(reading.changes.INSERT, 0);
  assert.equal(reading.states.kafka, "connecting");
  assert.equal(reading.errorsByKind.size, 0);
});

Deno.test("the status says states, lag, rate and totals", () => {
  const statistics = streaming();
  const previous = statistics.read();
  statistics.delivered(delivery(5000, 1, 1));
  statistics.transactionsFinished(1);
  statistics.confirmed(0x100n);
  statistics.walWatched(wal(0x1_0000_0100n));
  statistics.queued(12, 99, NOW_MS - 2340);
  assert.deepEqual(statusFields(previous, statistics.read(), 10_000, NOW_MS), {
    postgres: "streaming",
    kafka: "streaming",
    checkpoint: "connecting",
    lag_bytes: 4294967296,
    lag_seconds: 2.3,
    messages_per_second: 500,
    messages: 5000,
    transactions: 1,
    buffered: 12,
    errors: 0,
    retries: 0,
  });
});

Deno.test("who has delivered everything has no lag; a clock that is behind the server's makes none below zero", () => {
  const statistics = streaming();
  statistics.confirmed(20n);
  statistics.walWatched(wal(10n));
  assert.deepEqual(lag(statistics), [0, 0]);
  statistics.queued(1, 1, NOW_MS + 5000);
  assert.deepEqual(lag(statistics), [0, 0]);
});

Deno.test("without PostgreSQL the lag is unknown, but for the age of what is held already", () => {
  const statistics = streaming();
  statistics.confirmed(10n);
  statistics.walWatched(wal(20n));
  statistics.stateChanged("postgres", "failed");
  assert.deepEqual(lag(statistics), [null, null]);
  statistics.queued(1, 1, NOW_MS - 200_499);
  assert.deepEqual(lag(statistics), [null, 200]);
});

Deno.test("the line comes at each interval with the rate since the last one, and no more after disposal", async () => {
  const statistics = streaming();
  const rates: unknown[] = [];
  let monotonicMs = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const line = startStatusLine({
    read: () => statistics.read(),
    logger: {
      info(message, fields) {
        assert.equal(message, "Status");
        rates.push(fields?.messages_per_second);
        if (rates.length === 2) resolve();
      },
    },
    wallClockMs: () => NOW_MS,
    monotonicMs: () => monotonicMs += 1000,
    intervalMs: 1,
  });
  statistics.delivered(delivery(10, 1, 1));
  const keepsAlive = setTimeout(() => {}, 10_000);
  await promise;
  clearTimeout(keepsAlive);
  line[Symbol.dispose]();
  const count = rates.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(rates.length, count);
  assert.deepEqual(rates.slice(0, 2), [10, 0]);
});

Deno.test("an instance that waits for the slot has no lag of its own, whatever it read before it lost the slot", () => {
  const statistics = streaming();
  statistics.queued(500, 10_000, NOW_MS - 60_000);
  statistics.walWatched({ end: 900n, keptFrom: 100n, status: "reserved", bytesLeft: null, visibility: null });
  statistics.confirmed(100n);
  statistics.stateChanged("postgres", "waiting");
  assert.deepEqual(lag(statistics), [null, null]);
  assert.equal(statistics.read().queued.changes, 0);
  statistics.stateChanged("postgres", "streaming");
  assert.deepEqual(lag(statistics), [null, 0], "and begins anew when it has it again");
});

function streaming(): Statistics {
  const statistics = new Statistics();
  statistics.stateChanged("postgres", "streaming");
  statistics.stateChanged("kafka", "streaming");
  return statistics;
}

function lag(statistics: Statistics): readonly unknown[] {
  const fields = statusFields(statistics.read(), statistics.read(), 0, NOW_MS);
  assert.equal(fields.messages_per_second, 0);
  return [fields.lag_bytes, fields.lag_seconds];
}

function delivery(records: number, bytes: number, durationMs: number): Delivery {
  const commitTimes = new CommitTimes();
  for (let record = 0; record < records; record++) commitTimes.add(NOW_MS);
  return { records, bytes, durationMs, commitTimeMs: NOW_MS, commitTimes, deliveredAtMs: NOW_MS + 20 };
}

function wal(end: bigint): WalState {
  return { end, keptFrom: 0n, status: "reserved", bytesLeft: null, visibility: null };
}
