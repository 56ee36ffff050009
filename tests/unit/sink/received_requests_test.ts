// Requests are found in the control topic's log, each once, among records that are none.

import { strict as assert } from "node:assert";
import { gzipSync } from "node:zlib";
import type { SnapshotRequest } from "../../../src/core/snapshot_state.ts";
import { encodeProgressKey } from "../../../src/sink/progress_record.ts";
import { requestsIn } from "../../../src/sink/received_requests.ts";
import { encodeRequest } from "../../../src/sink/snapshot_request.ts";
import { FakeLog, type FakeRecord } from "../../support/fake_log.ts";

const OURS = encodeProgressKey({ systemIdentifier: "1", database: "shop", slot: "orders" });
const OTHER = encodeProgressKey({ systemIdentifier: "1", database: "shop", slot: "customers" });
const PAUSE: SnapshotRequest = { kind: "pause", tables: ["public.users"] };
const STOP: SnapshotRequest = { kind: "stop", tables: [] };

Deno.test("requests come in their order, from an offset on, also from the middle of a batch", async () => {
  const log = newLog();
  log.plain(request(PAUSE));
  log.plain(request(STOP), request(PAUSE), request(STOP));
  assert.deepEqual(await found(log, 0n), [[0n, PAUSE], [1n, STOP], [2n, PAUSE], [3n, STOP]]);
  assert.deepEqual(await found(log, 2n), [[2n, PAUSE], [3n, STOP]]);
  assert.deepEqual(await found(log, 4n), []);
});

Deno.test("nothing beyond the high watermark is read", async () => {
  const log = newLog();
  log.plain(request(PAUSE));
  log.plain(request(STOP));
  assert.deepEqual(await found(log, 0n, 1n), [[0n, PAUSE]]);
  assert.deepEqual(await found(log, 1n, 1n), []);
});

Deno.test("records of others and markers are passed over, and the last one says where to continue", async () => {
  const log = newLog();
  log.plain([OTHER, encodeRequest(STOP)], request(PAUSE), [OTHER, null]);
  assert.deepEqual(await found(log, 0n), [[1n, PAUSE], [2n, undefined]]);
  log.transactional(7n, [[OTHER, encodeRequest(STOP)]]);
  log.marker(7n, "commit");
  assert.deepEqual(await found(log, 0n), [[1n, PAUSE], [4n, undefined]]);
  assert.deepEqual(await found(log, 2n), [[4n, undefined]]);
  const [skipped] = await requests(log, 2n);
  assert.equal(skipped?.problem, undefined);
});

Deno.test("a request in a transaction is none, committed or not", async () => {
  const log = newLog();
  log.transactional(7n, [request(STOP)]);
  log.transactional(8n, [request(STOP)]);
  log.marker(8n, "commit");
  log.plain(request(PAUSE));
  assert.deepEqual(await found(log, 0n), [[0n, undefined], [1n, undefined], [3n, PAUSE]]);
  const [first, second] = await requests(log, 0n);
  for (const each of [first, second]) assert.match(each?.problem ?? "", /written in a transaction/);
});

Deno.test("a batch that can't be read is told once, and what follows it is read", async () => {
  const log = newLog();
  log.plain(request(PAUSE));
  log.opaque(7n, 1, gzipSync(new Uint8Array(100_000_000)));
  log.opaque(7n, 1, new Uint8Array(10));
  log.plain(request(STOP));
  const [first, large, damaged, last] = await requests(log, 0n);
  assert.deepEqual([first?.request, last?.request], [PAUSE, STOP]);
  assert.match(large?.problem ?? "", /^The request can't be read: .*more than 1048576 bytes/);
  assert.match(damaged?.problem ?? "", /^The request can't be read: /);
  assert.deepEqual([large?.offset, damaged?.offset], [1n, 2n]);
});

Deno.test("a malformed request has a problem and an offset, and so has one without a value", async () => {
  const log = newLog();
  log.plain([OURS, new TextEncoder().encode("{}")], [OURS, null], request(PAUSE));
  const all = await requests(log, 0n);
  assert.deepEqual(all.map(({ offset, problem }) => [offset, problem === undefined]), [
    [0n, false],
    [1n, false],
    [2n, true],
  ]);
});

Deno.test("at most 200 come at a time, and the next begin where these end", async () => {
  const log = newLog();
  log.plain(...Array.from({ length: 150 }, () => request(PAUSE)));
  log.plain(...Array.from({ length: 150 }, () => request(STOP)));
  const first = await requests(log, 0n);
  assert.equal(first.length, 200);
  const second = await requests(log, first.at(-1)!.offset + 1n);
  assert.deepEqual([second.length, second[0]?.offset, second.at(-1)?.offset], [100, 200n, 299n]);
});

function newLog(): FakeLog {
  return new FakeLog("cdc.pg-capture.control");
}

function request(content: SnapshotRequest): FakeRecord {
  return [OURS, encodeRequest(content)];
}

async function requests(log: FakeLog, from: bigint, highWatermark = log.endOffset) {
  return await requestsIn({ records: await log.read(from), highWatermark }, from, OURS);
}

async function found(log: FakeLog, from: bigint, highWatermark = log.endOffset) {
  return (await requests(log, from, highWatermark)).map(({ offset, request }) => [offset, request]);
}
