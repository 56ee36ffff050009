// Snapshots on real servers: the rows that are already there, beside the changes.

import { deepStrictEqual, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics, type TopicRecord } from "../support/consumer.ts";
import { createTestBed } from "../support/servers.ts";

Deno.test("SNAPSHOT_MODE=initial sends the rows of each table once, then changes", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE empty (id int PRIMARY KEY);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 5000) n`);
  const env = { ...bed.env, SNAPSHOT_MODE: "initial" };
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  const reads = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 5000 });
  strictEqual(reads.length, 5000);
  strictEqual(new Set(reads.map(({ key }) => key)).size, 5000);
  const first = JSON.parse(reads[0]!.value!);
  deepStrictEqual(
    [first.op, first.source.snapshot, first.source.xid, first.before, Object.keys(first.after)],
    ["READ", "initial", 0, null, ["id", "name"]],
  );
  await bed.sql.exec(`UPDATE users SET name = 'x' WHERE id = 7`);
  const all = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix, untilCount: 5001 });
  strictEqual(opsOf(all).UPDATE, 1);
});

Deno.test("a table without a key comes once, too, and nothing before its rows at a new slot", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE TABLE few (name text); INSERT INTO few VALUES ('a'), ('b');
    CREATE TABLE many (n int); INSERT INTO many SELECT n FROM generate_series(1, 30000) n;
    ALTER TABLE many REPLICA IDENTITY FULL`);
  await using capture = await startCapture({ env: { ...bed.env, SNAPSHOT_MODE: "only" } });
  strictEqual((await capture.waitForExit()).code, 0);
  const records = await readTopics({ brokers: bed.brokers, prefix: `${bed.topicPrefix}.public` });
  deepStrictEqual(opsOf(records), { READ: 30_002 });
});

function opsOf(records: readonly TopicRecord[]): Readonly<Record<string, number>> {
  const ops: Record<string, number> = {};
  for (const { value } of records) {
    const op = value === null ? "tombstone" : JSON.parse(value).op;
    ops[op] = (ops[op] ?? 0) + 1;
  }
  return ops;
}
