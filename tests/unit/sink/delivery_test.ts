// What the sink makes of a broker's answers: what it tries again, what it gives up, and with which error.

import { NO_HEADERS } from "../../../src/core/encoded_record.ts";
import { strict as assert } from "node:assert";
import { CaptureError, type ErrorKind } from "../../../src/core/errors.ts";
import type { SnapshotNotes } from "../../../src/core/snapshot_state.ts";
import type { Batch, Sink } from "../../../src/pipeline/ports.ts";
import { ArenaPool } from "../../../src/sink/arena_pool.ts";
import { createKafkaSink } from "../../../src/sink/kafka_sink.ts";
import type { KafkaSinkOptions } from "../../../src/sink/options.ts";
import { RecordBatch } from "../../../src/sink/record_batch.ts";
import { SequenceNumbers } from "../../../src/sink/sequence_numbers.ts";
import { ErrorCode } from "../../../src/sink/wire/error_codes.ts";
import { PLAINTEXT } from "../../../src/sink/wire/security.ts";
import { Api, ScriptedCluster, type Turn } from "../../support/scripted_cluster.ts";
import { queuedSnapshot } from "../../support/snapshot_states.ts";

const FOREVER = new AbortController().signal;
const IDENTITY = { systemIdentifier: "1", database: "shop", slot: "orders" };
const PROGRESS = {
  identity: IDENTITY,
  timeline: 1,
  publication: "shop",
  position: { commitLsn: 1n, seq: 1, commitTimeMs: 0, endLsn: 1n },
};

Deno.test("each transaction is one AddPartitionsToTxn, one Produce and one EndTxn", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  cluster.asked.length = 0;
  for (let count = 0; count < 2; count++) await sink.write(await users(sink), PROGRESS, FOREVER);
  const transaction = [Api.AddPartitionsToTxn, Api.Produce, Api.EndTxn];
  assert.deepEqual(cluster.asked.filter((api) => api !== Api.Metadata), [...transaction, ...transaction]);
});

Deno.test("the sequence numbers of one transaction go on in the next", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  for (let count = 0; count < 3; count++) await sink.write(await users(sink), PROGRESS, FOREVER);
  const sent = cluster.batches.filter(({ topic }) => topic === "cdc.public.users");
  assert.deepEqual(
    sent.map(({ producerEpoch, baseSequence }) => [producerEpoch, baseSequence]),
    [[0, 0], [0, 2], [0, 4]],
  );
  assert.equal(cluster.batches.filter(({ topic }) => topic === "cdc.pg-capture.progress").length, 3);
});

Deno.test("what is in a transaction belongs to it, with one progress record, and is committed under the slot's own id", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  for (let count = 0; count < 2; count++) await sink.write(await users(sink), PROGRESS, FOREVER);
  assert.deepEqual(
    cluster.batches.map(({ topic, recordCount, isTransactional }) => [topic, recordCount, isTransactional]),
    [2, 1, 2, 1].map((
      count,
    ) => [count === 2 ? "cdc.public.users" : "cdc.pg-capture.progress", count, true]),
  );
  const end = { transactionalId: "pg-capture.1.shop.orders", committed: true };
  assert.deepEqual(cluster.ends, [end, end]);
});

Deno.test("a Produce that fails is an error of the right kind, and no commit follows", async () => {
  const kinds: [Turn, ErrorKind][] = [
    [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "topic-missing"],
    [ErrorCode.MESSAGE_TOO_LARGE, "record-too-large"],
    [ErrorCode.TOPIC_AUTHORIZATION_FAILED, "kafka-refused"],
    [ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "kafka-refused"],
    [ErrorCode.INVALID_PRODUCER_EPOCH, "fenced"],
    [ErrorCode.PRODUCER_FENCED, "fenced"],
    [ErrorCode.NOT_ENOUGH_REPLICAS, "kafka-unavailable"],
    [ErrorCode.NOT_LEADER_OR_FOLLOWER, "kafka-unavailable"],
    [ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, "kafka-unclear"],
    [ErrorCode.REQUEST_TIMED_OUT, "kafka-unclear"],
    [ErrorCode.CORRUPT_MESSAGE, "kafka-unclear"],
    [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, "kafka-unclear"],
    [ErrorCode.TRANSACTION_ABORTABLE, "kafka-unclear"],
    [-1, "kafka-unclear"],
    [12345, "kafka-unclear"],
    ["omit", "kafka-unclear"],
    [ErrorCode.CONCURRENT_TRANSACTIONS, "kafka-unclear"],
    ["close", "kafka-unclear"],
  ];
  for (const [turn, kind] of kinds) {
    await using cluster = new ScriptedCluster();
    const sink = await openSink(cluster);
    cluster.script(Api.Produce, turn);
    const error = await rejection(sink.write(await users(sink), PROGRESS, FOREVER));
    assert.equal(error.kind, kind, `${turn}: ${error.message}`);
    assert.doesNotMatch(error.message, /row's value/);
    assert.equal(cluster.count(Api.Produce), 1);
    assert.deepEqual(cluster.ends.filter(({ committed }) => committed), []);
    await assert.rejects(sink.write(await users(sink).catch(() => sink.createBatch()), PROGRESS, FOREVER));
    assert.equal(cluster.count(Api.Produce), 1);
  }
});

Deno.test("a rejected transaction is aborted at once, unless a Produce may still arrive", async () => {
  const cases: [Turn, Turn, number][] = [
    [ErrorCode.NOT_LEADER_OR_FOLLOWER, 0, 1],
    [ErrorCode.REQUEST_TIMED_OUT, 0, 1],
    [ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.NOT_COORDINATOR, 1],
    [ErrorCode.NOT_LEADER_OR_FOLLOWER, "close", 1],
    ["omit", 0, 0],
    ["close", 0, 0],
  ];
  for (const [produce, end, ends] of cases) {
    await using cluster = new ScriptedCluster();
    const sink = await openSink(cluster);
    cluster.script(Api.Produce, produce);
    cluster.script(Api.EndTxn, end);
    const error = await rejection(sink.write(await users(sink), PROGRESS, FOREVER));
    assert.match(error.message, /write to topic|whether the batch was written/, "the Produce's own error");
    assert.equal(cluster.count(Api.EndTxn), ends, `${produce}`);
    assert.deepEqual(cluster.ends.filter(({ committed }) => committed), []);
    sink.close();
  }
});

Deno.test("an EndTxn is sent once, whatever becomes of it", async () => {
  const kinds: [Turn, ErrorKind][] = [
    [ErrorCode.PRODUCER_FENCED, "fenced"],
    [ErrorCode.INVALID_PRODUCER_EPOCH, "fenced"],
    [ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "kafka-refused"],
    [ErrorCode.CONCURRENT_TRANSACTIONS, "kafka-unclear"],
    [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, "kafka-unclear"],
    [ErrorCode.NOT_COORDINATOR, "kafka-unclear"],
    [ErrorCode.INVALID_TXN_STATE, "kafka-unclear"],
    [ErrorCode.REQUEST_TIMED_OUT, "kafka-unclear"],
    ["close", "kafka-unclear"],
  ];
  for (const [turn, kind] of kinds) {
    await using cluster = new ScriptedCluster();
    const sink = await openSink(cluster);
    cluster.script(Api.EndTxn, turn);
    const error = await rejection(sink.write(await users(sink), PROGRESS, FOREVER));
    assert.equal(error.kind, kind, `${turn}: ${error.message}`);
    await assert.rejects(sink.write(sink.createBatch(), PROGRESS, FOREVER), /Assertion failed/);
    assert.deepEqual([cluster.count(Api.Produce), cluster.count(Api.EndTxn)], [1, 1]);
  }
});

Deno.test("AddPartitionsToTxn is tried again only while the transaction before is being ended", async () => {
  const kinds: [Turn, ErrorKind][] = [
    [ErrorCode.TOPIC_AUTHORIZATION_FAILED, "kafka-refused"],
    [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "topic-missing"],
    [ErrorCode.PRODUCER_FENCED, "fenced"],
    [ErrorCode.INVALID_PRODUCER_ID_MAPPING, "kafka-unclear"],
    [ErrorCode.NOT_COORDINATOR, "kafka-unclear"],
    ["omit", "kafka-unclear"],
    ["close", "kafka-unclear"],
  ];
  for (const [turn, kind] of kinds) {
    await using cluster = new ScriptedCluster();
    const sink = await openSink(cluster);
    cluster.script(Api.AddPartitionsToTxn, ErrorCode.CONCURRENT_TRANSACTIONS, turn);
    const error = await rejection(sink.write(await users(sink), PROGRESS, FOREVER));
    assert.equal(error.kind, kind, `${turn}: ${error.message}`);
    assert.deepEqual([cluster.count(Api.AddPartitionsToTxn), cluster.count(Api.Produce)], [2, 0]);
  }
});

Deno.test("taking over the transactional id waits for what passes, and says what does not", async () => {
  for (const api of [Api.InitProducerId, Api.FindCoordinator]) {
    await using cluster = new ScriptedCluster();
    cluster.script(
      api,
      ErrorCode.CONCURRENT_TRANSACTIONS,
      ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
      ErrorCode.COORDINATOR_NOT_AVAILABLE,
      ErrorCode.NOT_COORDINATOR,
    );
    await openSink(cluster);
    assert.equal(cluster.count(api), 5);
  }
  const kinds: [Turn, ErrorKind][] = [
    [ErrorCode.INVALID_TRANSACTION_TIMEOUT, "kafka-refused"],
    [ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "kafka-refused"],
    [ErrorCode.PRODUCER_FENCED, "fenced"],
    [-1, "kafka-unavailable"],
    ["close", "kafka-unavailable"],
  ];
  for (const [turn, kind] of kinds) {
    await using cluster = new ScriptedCluster();
    cluster.script(Api.InitProducerId, turn);
    const error = await rejection(openSink(cluster));
    assert.equal(error.kind, kind, `${turn}: ${error.message}`);
    if (kind === "kafka-refused") assert(error.fix !== undefined);
    if (turn === ErrorCode.INVALID_TRANSACTION_TIMEOUT) {
      assert.match(error.fix ?? "", /transaction\.max\.timeout\.ms/);
    }
  }
});

Deno.test("at least once: one Produce a batch, none for an empty one, sequences as acks ask for", async () => {
  for (const acks of ["all", 1] as const) {
    await using cluster = new ScriptedCluster();
    const sink = await openSink(cluster, { delivery: "at-least-once", acks });
    cluster.asked.length = 0;
    await sink.write(await users(sink), PROGRESS, FOREVER);
    await sink.write(sink.createBatch(), PROGRESS, FOREVER);
    await sink.write(await users(sink), PROGRESS, FOREVER);
    assert.deepEqual(cluster.asked.filter((api) => api !== Api.Metadata), [Api.Produce, Api.Produce]);
    assert.deepEqual(
      cluster.batches.map(({ baseSequence }) => baseSequence),
      acks === "all" ? [0, 2] : [-1, -1],
    );

    cluster.script(Api.Produce, "close");
    assert.equal((await rejection(sink.write(await users(sink), PROGRESS, FOREVER))).kind, "kafka-unclear");
  }
});

Deno.test("sequence numbers count each partition for itself, and go on at 0 after the largest", () => {
  const sequences = new SequenceNumbers();
  const [a, b] = ["a", "b"].map((topic) => new RecordBatch(topic, 0, new ArenaPool(0)));
  assert(a !== undefined && b !== undefined);
  for (let count = 0; count < 3; count++) {
    a.append({ bytes: new Uint8Array(1), keyEnd: -1, valueEnd: 1, headers: NO_HEADERS }, 0);
  }
  assert.deepEqual([sequences.take(a), sequences.take(a), sequences.take(b)], [0, 3, 0]);
  const large = { topic: "c", partition: 0, count: 2 ** 31 - 2 } as RecordBatch;
  assert.deepEqual([sequences.take(large), sequences.take({ ...large, count: 5 } as RecordBatch)], [
    0,
    2 ** 31 - 2,
  ]);
  assert.equal(sequences.take(large), 3);
});

async function openSink(cluster: ScriptedCluster, more: Partial<KafkaSinkOptions> = {}): Promise<Sink> {
  const sink = createKafkaSink({
    brokers: [cluster.address],
    security: PLAINTEXT,
    prefix: "cdc",
    delivery: "exactly-once",
    compression: "none",
    acks: "all",
    maxMessageBytes: 1_000_000,
    batchBytesMax: 1_000_000,
    clientId: "test",
    identity: IDENTITY,
    wallClock: Date.now,
    ...more,
  });
  assert.equal(await sink.open(FOREVER), null);
  return sink;
}

/** Two records of one topic. */
async function users(sink: Sink): Promise<Batch> {
  const route = await sink.route("cdc.public.users", FOREVER);
  const batch = sink.createBatch();
  for (let count = 0; count < 2; count++) {
    batch.append(route, {
      bytes: new TextEncoder().encode("kv"),
      keyEnd: 1,
      valueEnd: 2,
      headers: NO_HEADERS,
    }, 0);
  }
  return batch;
}

async function rejection(promise: Promise<unknown>): Promise<CaptureError> {
  let found: unknown;
  await assert.rejects(promise, (error) => {
    found = error;
    return true;
  });
  assert(found instanceof CaptureError, String(found));
  return found;
}

Deno.test("batches that are sent belong to the transaction that the next write ends: one EndTxn, sequences that go on", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  cluster.asked.length = 0;
  for (let count = 0; count < 2; count++) await sink.send(await users(sink), FOREVER);
  assert.equal(cluster.count(Api.EndTxn), 0);
  await sink.write(await users(sink), PROGRESS, FOREVER);
  const transaction = [
    ...[Api.AddPartitionsToTxn, Api.Produce, Api.Produce],
    ...[Api.AddPartitionsToTxn, Api.Produce, Api.EndTxn], // for the progress topic
  ];
  assert.deepEqual(cluster.asked.filter((api) => api !== Api.Metadata), transaction);
  const sent = cluster.batches.filter(({ topic }) => topic === "cdc.public.users");
  assert.deepEqual(
    sent.map(({ producerEpoch, baseSequence }) => [producerEpoch, baseSequence]),
    [[0, 0], [0, 2], [0, 4]],
  );
  assert.equal(cluster.batches.filter(({ topic }) => topic === "cdc.pg-capture.progress").length, 1);
  await sink.write(await users(sink), PROGRESS, FOREVER);
  const next = cluster.asked.filter((api) => api !== Api.Metadata).slice(transaction.length);
  assert.equal(next.includes(Api.AddPartitionsToTxn), true, "the next transaction is told anew");
});

Deno.test("after a send that failed nothing is committed, and the sink is of no more use", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  await sink.send(await users(sink), FOREVER);
  cluster.script(Api.Produce, "close");
  assert.equal((await rejection(sink.send(await users(sink), FOREVER))).kind, "kafka-unclear");
  await assert.rejects(sink.write(sink.createBatch(), PROGRESS, FOREVER));
  assert.equal(cluster.count(Api.EndTxn), 0);
});

Deno.test("notes about snapshots are in the transaction, in the same Produce as the batch and the progress", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  cluster.asked.length = 0;
  for (let count = 0; count < 2; count++) {
    await sink.write(await users(sink), PROGRESS, FOREVER, notes(3));
  }
  const transaction = [Api.AddPartitionsToTxn, Api.Produce, Api.EndTxn];
  assert.deepEqual(cluster.asked.filter((api) => api !== Api.Metadata), [...transaction, ...transaction]);
  assert.deepEqual(
    cluster.batches.slice(0, 3).map(({ topic, recordCount, isTransactional }) => [
      topic,
      recordCount,
      isTransactional,
    ]),
    [["cdc.public.users", 2, true], [SNAPSHOTS, 4, true], ["cdc.pg-capture.progress", 1, true]],
  );
  assert.deepEqual(sequencesOf(cluster, SNAPSHOTS), [0, 4]);
});

Deno.test("notes that exceed a batch are sent in several, all in the one transaction", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster, { maxMessageBytes: 20_000 });
  await sink.write(await users(sink), PROGRESS, FOREVER, notes(200));
  const sent = cluster.batches.filter(({ topic }) => topic === SNAPSHOTS);
  assert(sent.length > 2 && sent.every(({ isTransactional }) => isTransactional));
  assert.equal(sent.reduce((count, { recordCount }) => count + recordCount, 0), 201);
  assert.equal(cluster.batches.at(-1)?.topic, "cdc.pg-capture.progress");
  assert.equal(cluster.ends.length, 1);
  // No batch is sent again with the next ones.
  await sink.write(sink.createBatch(), PROGRESS, FOREVER, notes(1));
  assert.equal(cluster.batches.filter(({ topic }) => topic === SNAPSHOTS).at(-1)?.recordCount, 2);
});

Deno.test("empty notes cost nothing", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster);
  const route = await sink.route("cdc.public.users", FOREVER);
  cluster.asked.length = 0;
  for (const empty of [undefined, { states: [], requestsTaken: null }]) {
    const batch = sink.createBatch();
    batch.append(route, { bytes: new Uint8Array(2), keyEnd: 1, valueEnd: 2, headers: NO_HEADERS }, 0);
    await sink.write(batch, PROGRESS, FOREVER, empty);
  }
  const transaction = [Api.AddPartitionsToTxn, Api.Produce, Api.EndTxn];
  assert.deepEqual(cluster.asked, [...transaction, ...transaction]);
});

Deno.test("at least once: notes follow the batch and are acknowledged, whatever acks says", async () => {
  for (const acks of ["all", 1] as const) {
    await using cluster = new ScriptedCluster();
    const sink = await openSink(cluster, { delivery: "at-least-once", acks });
    await sink.write(await users(sink), PROGRESS, FOREVER, notes(1));
    await sink.write(sink.createBatch(), PROGRESS, FOREVER, notes(1));
    assert.deepEqual(cluster.batches.map(({ topic }) => topic), ["cdc.public.users", SNAPSHOTS, SNAPSHOTS]);
    assert.deepEqual(sequencesOf(cluster, SNAPSHOTS), acks === "all" ? [0, 2] : [-1, -1]);
    cluster.script(Api.Produce, ErrorCode.NOT_ENOUGH_REPLICAS);
    const error = await rejection(sink.write(sink.createBatch(), PROGRESS, FOREVER, notes(1)));
    assert.equal(error.kind, "kafka-unavailable");
    sink.close();
  }
});

Deno.test("a state that no batch can hold is told by its table, before anything is sent", async () => {
  await using cluster = new ScriptedCluster();
  const sink = await openSink(cluster, { maxMessageBytes: 5_000 });
  const [state] = notes(1).states;
  const large = { ...state!, reason: "x".repeat(5_000) };
  const error = await rejection(
    sink.write(await users(sink), PROGRESS, FOREVER, { states: [large], requestsTaken: null }),
  );
  assert.equal(error.kind, "record-too-large");
  assert.match(error.message, /"schema":"public","table":"t0"\} needs \d+ bytes, at most 5000 are possible/);
  assert.match(error.fix ?? "", /KAFKA_MAX_MESSAGE_BYTES/);
  assert.equal(cluster.count(Api.Produce), 0);
});

const SNAPSHOTS = "cdc.pg-capture.snapshots";

function sequencesOf(cluster: ScriptedCluster, topic: string): readonly number[] {
  return cluster.batches.filter((batch) => batch.topic === topic).map(({ baseSequence }) => baseSequence);
}

/** So many states, and requests that are taken. */
function notes(count: number): SnapshotNotes {
  const states = Array.from({ length: count }, (_, index) => queuedSnapshot(`t${index}`));
  return { states, requestsTaken: 7n };
}
