// The states of snapshots are those that were committed last, and what pg-capture can't have written is refused.

import { strict as assert } from "node:assert";
import { gzipSync } from "node:zlib";
import { CaptureError } from "../../../src/core/errors.ts";
import type { SourceIdentity } from "../../../src/core/position.ts";
import type { SnapshotState } from "../../../src/core/snapshot_state.ts";
import { readSnapshotKeys, SnapshotReader } from "../../../src/sink/snapshot_reader.ts";
import {
  encodeRequestsTaken,
  encodeSnapshotKey,
  encodeSnapshotState,
  type SnapshotKey,
} from "../../../src/sink/snapshot_record.ts";
import { FakeLog, type FakeRecord } from "../../support/fake_log.ts";

const OURS: SourceIdentity = { systemIdentifier: "1", database: "shop", slot: "orders" };
const OTHER: SourceIdentity = { ...OURS, slot: "customers" };
const EXACTLY_ONCE = { delivery: "exactly-once", undecided: "refuse" } as const;
const AT_LEAST_ONCE = { delivery: "at-least-once", undecided: "ignore" } as const;
const TAKEN: SnapshotKey = { kind: "requests-taken" };

Deno.test("an empty log holds nothing", async () => {
  assert.deepEqual(await read(newLog()), { states: [], requestsTaken: null });
});

Deno.test("the last committed record of each table counts, and of the requests that are taken", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1), stateOf("b", 1), takenOf(1n)]);
  log.marker(7n, "commit");
  log.transactional(7n, [stateOf("a", 2)]);
  log.transactional(7n, [stateOf("a", 3), stateOf("c", 1), takenOf(5n)]);
  log.marker(7n, "commit");
  log.transactional(7n, [stateOf("b", 9), takenOf(9n)]);
  log.marker(7n, "abort");
  assert.deepEqual(await rowsIn(log), { a: 3, b: 1, c: 1 });
  assert.equal((await read(log)).requestsTaken, 5n);
});

Deno.test("records of other sources are of no account, in whatever transaction they are", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1), stateOf("a", 90, OTHER)]);
  log.transactional(8n, [stateOf("a", 91, OTHER)]);
  log.marker(8n, "abort");
  log.marker(7n, "commit");
  log.plain(stateOf("a", 92, OTHER));
  log.transactional(8n, [stateOf("a", 93, OTHER)]);
  assert.deepEqual(await rowsIn(log), { a: 1 });
});

Deno.test("the order is that of the commits, not that of the records", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1)]);
  log.transactional(8n, [stateOf("a", 2)]);
  log.marker(8n, "commit");
  log.marker(7n, "commit");
  assert.deepEqual(await rowsIn(log), { a: 1 });
});

Deno.test("a tombstone removes a state, and a later record brings it back", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1), stateOf("b", 1), takenOf(3n)]);
  log.transactional(7n, [removed("a"), [encodeSnapshotKey(OURS, TAKEN), null]]);
  log.marker(7n, "commit");
  assert.deepEqual(await read(log).then(({ requestsTaken }) => requestsTaken), null);
  assert.deepEqual(await rowsIn(log), { b: 1 });
  log.transactional(7n, [stateOf("a", 2)]);
  log.marker(7n, "commit");
  assert.deepEqual(await rowsIn(log), { a: 2, b: 1 });
});

Deno.test("holes and emptied batches that compaction leaves are passed over", async () => {
  const log = newLog();
  log.startOffset = log.endOffset = 1_000_000n;
  log.transactional(7n, [stateOf("a", 1)]);
  log.marker(7n, "commit");
  log.hole(300n);
  log.emptyBatch(7n);
  log.hole(10_000n);
  log.transactional(8n, [stateOf("b", 1)]);
  log.marker(8n, "commit");
  assert.deepEqual(await rowsIn(log), { a: 1, b: 1 });
});

Deno.test("a transaction of ours without its end is refused, or ignored where that is asked for", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1)]);
  log.marker(7n, "commit");
  log.transactional(7n, [stateOf("a", 2)]);
  await assert.rejects(read(log), (error) => error instanceof CaptureError && error.kind === "kafka-unclear");
  const ledger = await new SnapshotReader(log, OURS, { ...EXACTLY_ONCE, undecided: "ignore" }).read();
  assert.deepEqual(ledger.states.map(({ rows }) => rows), [1]);
});

Deno.test("with exactly-once delivery a record outside of a transaction is refused with its place, whatever it holds", async () => {
  for (const forged of [stateOf("a", 2), removed("a"), takenOf(5n)]) {
    const log = newLog();
    log.transactional(7n, [stateOf("a", 1), takenOf(1n)]);
    log.marker(7n, "commit");
    log.plain(forged);
    await assert.rejects(read(log), (error) => {
      assert(error instanceof CaptureError && error.kind === "position-conflict");
      assert.match(
        error.message,
        /^Cannot trust the .*\(topic "cdc\.pg-capture\.snapshots", partition 0, offset 3\): .*outside of a trans/,
      );
      assert.match(
        error.fix ?? "",
        /who may write .*kafka-topics\.sh .*--delete --topic cdc\.pg-capture\.snapshots/,
      );
      return true;
    });
    // A later record of pg-capture's own makes it harmless.
    log.transactional(7n, [stateOf("a", 3), takenOf(3n)]);
    log.marker(7n, "commit");
    assert.deepEqual(await rowsIn(log), { a: 3 });
  }
});

Deno.test("with at-least-once delivery records outside of transactions count", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1), takenOf(1n)]);
  log.marker(7n, "commit");
  log.plain(stateOf("a", 2), stateOf("b", 1), takenOf(2n));
  log.plain(removed("b"));
  const ledger = await new SnapshotReader(log, OURS, AT_LEAST_ONCE).read();
  assert.deepEqual(ledger.states.map(({ table, rows }) => [table, rows]), [["a", 2]]);
  assert.equal(ledger.requestsTaken, 2n);
});

Deno.test("a batch that stands for more than 1 MB is refused with its place, with either delivery", async () => {
  const log = newLog();
  log.opaque(7n, 1, gzipSync(new Uint8Array(240_000_000)));
  log.marker(7n, "commit");
  log.transactional(7n, [stateOf("a", 1)]);
  log.marker(7n, "commit");
  for (const trust of [EXACTLY_ONCE, AT_LEAST_ONCE]) {
    await assert.rejects(new SnapshotReader(log, OURS, trust).read(), (error) => {
      assert(error instanceof CaptureError && error.kind === "position-conflict");
      assert.match(
        error.message,
        /Cannot trust the states of snapshots .*offset 0\): .*more than 1048576 bytes/,
      );
      return true;
    });
  }
  await assert.rejects(readSnapshotKeys(log, OURS), /more than 1048576 bytes/);
});

Deno.test("a state that can't be understood is a conflict, not an older state", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1)]);
  log.transactional(7n, [[key("a"), new TextEncoder().encode("{}")]]);
  log.marker(7n, "commit");
  await assert.rejects(read(log), (error) => {
    assert(error instanceof CaptureError && error.kind === "position-conflict");
    assert.match(error.message, /snapshot of table "public"."a" .*\(topic "cdc.*", partition 0, offset 1\)$/);
    assert.match(error.fix ?? "", /version of pg-capture that wrote it/);
    return true;
  });
});

Deno.test("a second read takes only what was added, and knows the transactions that were open", async () => {
  const log = newLog();
  const reader = new SnapshotReader(log, OURS, { ...EXACTLY_ONCE, undecided: "ignore" });
  const rows = async () => (await reader.read()).states.map((state) => [state.table, state.rows]);
  for (let count = 1; count <= 100; count++) {
    log.transactional(7n, [stateOf("a", count)]);
    log.marker(7n, "commit");
  }
  log.transactional(7n, [stateOf("b", 1)]);
  assert.deepEqual(await rows(), [["a", 100]]);
  log.readOffsets.length = 0;
  log.marker(7n, "commit");
  assert.deepEqual(await rows(), [["a", 100], ["b", 1]]);
  assert.deepEqual(log.readOffsets, [201n]);
  assert.deepEqual(await rows(), [["a", 100], ["b", 1]]);
  assert.equal(log.readOffsets.length, 1);
});

Deno.test("the states of 10,000 tables, each written several times, take little memory", async () => {
  const log = newLog();
  for (let round = 0; round < 5; round++) {
    for (let from = 0; from < 10_000; from += 500) {
      log.transactional(7n, Array.from({ length: 500 }, (_, index) => stateOf(`t${from + index}`, round)));
      log.marker(7n, "commit");
    }
  }
  // Not the resident memory, which belongs to all tests that run at the same time.
  const held = () => Deno.memoryUsage().heapUsed + Deno.memoryUsage().external;
  const before = held();
  const { states } = await read(log);
  const grown = held() - before;
  assert.equal(states.length, 10_000);
  assert(states.every(({ rows }) => rows === 4));
  assert(grown < 90e6, `${grown} bytes`);
});

Deno.test("the keys to remove are those of all records that are there, forged ones too", async () => {
  const log = newLog();
  log.transactional(7n, [stateOf("a", 1), stateOf("b", 1), takenOf(3n), stateOf("c", 1, OTHER)]);
  log.transactional(7n, [removed("b")]);
  log.marker(7n, "commit");
  log.plain(stateOf("forged", 1), removed("hidden"));
  log.transactional(7n, [stateOf("d", 1)]);
  log.marker(7n, "abort");
  const keys = (await readSnapshotKeys(log, OURS)).map((each) => JSON.parse(new TextDecoder().decode(each)));
  assert.deepEqual(
    keys.map(({ table, requests }) => table ?? requests).sort(),
    ["a", "forged", "hidden", true].sort(),
  );
});

function newLog(): FakeLog {
  return new FakeLog("cdc.pg-capture.snapshots");
}

async function read(log: FakeLog) {
  return await new SnapshotReader(log, OURS, EXACTLY_ONCE).read();
}

async function rowsIn(log: FakeLog): Promise<Record<string, number>> {
  return Object.fromEntries((await read(log)).states.map(({ table, rows }) => [table, rows]));
}

function stateOf(table: string, rows: number, identity = OURS): FakeRecord {
  const state: SnapshotState = {
    schema: "public",
    table,
    id: "s-1",
    status: "running",
    where: null,
    tableOid: 1,
    keyColumns: ["id"],
    lastKey: [String(rows)],
    again: [],
    rows,
    rowsExpected: null,
    keyOrder: "",
    isWhole: false,
    reason: null,
    requestedAtMs: 0,
    startedAtMs: 0,
    updatedAtMs: 0,
  };
  return [key(table, identity), encodeSnapshotState(state)];
}

function removed(table: string): FakeRecord {
  return [key(table), null];
}

function takenOf(taken: bigint): FakeRecord {
  return [encodeSnapshotKey(OURS, TAKEN), encodeRequestsTaken(taken)];
}

function key(table: string, identity = OURS): Uint8Array {
  return encodeSnapshotKey(identity, { kind: "state", schema: "public", table });
}
