// The topics about snapshots on a real broker: states are delivered with their rows, requests are read once.

import { strict as assert } from "node:assert";
import kafkajs from "kafkajs";
import { startKafka } from "../../dev/servers/kafka.ts";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { CaptureError, type ErrorKind } from "../../src/core/errors.ts";
import type {
  ReceivedRequest,
  SnapshotNotes,
  SnapshotRequest,
  SnapshotState,
} from "../../src/core/snapshot_state.ts";
import { ArenaPool } from "../../src/sink/arena_pool.ts";
import { Cluster } from "../../src/sink/cluster.ts";
import { transactionalIdOf } from "../../src/sink/kafka_sink.ts";
import { encodeProgressKey } from "../../src/sink/progress_record.ts";
import { removeProgress } from "../../src/sink/progress_removal.ts";
import { probeKafka } from "../../src/sink/probe.ts";
import { recordsOfNotes, snapshotBatches } from "../../src/sink/snapshot_batches.ts";
import { SnapshotClient } from "../../src/sink/snapshot_client.ts";
import { encodeSnapshotKey, encodeSnapshotState } from "../../src/sink/snapshot_record.ts";
import { TopicDirectory } from "../../src/sink/topic_directory.ts";
import { controlTopic, progressTopic, snapshotTopic } from "../../src/sink/topics.ts";
import { TransactionalDelivery } from "../../src/sink/transaction.ts";
import { createSinkBed, filled, idsOf, type SinkBed } from "../support/sink_bed.ts";
import { snapshotState } from "../support/snapshot_states.ts";

const FOREVER = new AbortController().signal;
const NOTHING = { states: [], requestsTaken: null };
const START: SnapshotRequest = { kind: "start", id: "s-1", tables: ["public.users"], where: "id > 0" };

Deno.test("a sink without notes creates no topic for them, and finds nothing", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  assert.deepEqual(await sink.readSnapshots(FOREVER), NOTHING);
  assert.deepEqual(await sink.readRequests(null, FOREVER), []);
  await sink.write(sink.createBatch(), test.progress(1), FOREVER);
  await sink.write(sink.createBatch(), test.progress(2), FOREVER, NOTHING);
  const topics = await test.admin.listTopics();
  assert.deepEqual(topics.filter((topic) => topic.startsWith(test.prefix)), [progressTopic(test.prefix)]);
});

Deno.test("notes are delivered with the batch, and the last of each table is read", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  assert.deepEqual(await sink.readSnapshots(FOREVER), NOTHING);
  const route = await sink.route(test.topic("users"), FOREVER);
  const [users, orders] = [state("users", 2), state("orders", 0)];
  const first = { states: [state("users", 1), orders], requestsTaken: 1n };
  await sink.write(filled(sink, route, [1]), test.progress(1), FOREVER, first);
  await sink.write(filled(sink, route, [2]), test.progress(2), FOREVER, {
    states: [users],
    requestsTaken: null,
  });
  await sink.write(sink.createBatch(), test.progress(3), FOREVER, { states: [], requestsTaken: 2n });
  assert.deepEqual(idsOf(await test.read("users", 2)), [1, 2]);
  const next = test.sink();
  assert.deepEqual(await next.open(FOREVER), test.progress(3));
  assert.deepEqual(byTable(await next.readSnapshots(FOREVER)), {
    states: [orders, users],
    requestsTaken: 2n,
  });
});

Deno.test("the state topic is compacted, the control topic forgets, and each has one partition", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 3 } });
  const sink = test.sink();
  await sink.open(FOREVER);
  await sink.write(sink.createBatch(), test.progress(1), FOREVER, {
    states: [state("users", 1)],
    requestsTaken: null,
  });
  await send(test, START);
  const expected = {
    [snapshotTopic(test.prefix)]: { "cleanup.policy": "compact", "segment.bytes": "4194304" },
    [controlTopic(test.prefix)]: {
      "cleanup.policy": "delete",
      "retention.ms": "86400000",
      "message.timestamp.type": "LogAppendTime",
    },
  };
  for (const [topic, settings] of Object.entries(expected)) {
    const { resources } = await test.admin.describeConfigs({
      includeSynonyms: false,
      resources: [{
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configNames: Object.keys(settings),
      }],
    });
    const found = resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]);
    assert.deepEqual(Object.fromEntries(found ?? []), settings);
    assert.equal((await test.admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length, 1);
  }
});

Deno.test("whether what is not visible is streamed again is delivered like the states", async () => {
  await using test = await createSinkBed();
  for (const holdsUnshown of [true, false]) {
    const sink = test.sink();
    await sink.open(FOREVER);
    const notes = { states: [], requestsTaken: null, holdsUnshown };
    await sink.write(sink.createBatch(), test.progress(1), FOREVER, notes);
    assert.equal((await reread(test)).holdsUnshown ?? false, holdsUnshown);
  }
});

Deno.test("states of 5,000 tables are written in one transaction and read back, whatever the codec", async () => {
  for (const compression of ["none", "zstd"] as const) {
    await using test = await createSinkBed({ options: { compression } });
    const sink = test.sink();
    await sink.open(FOREVER);
    const states = Array.from({ length: 5_000 }, (_, index) => state(`t${index}`, index));
    await sink.write(sink.createBatch(), test.progress(1), FOREVER, { states, requestsTaken: 3n });
    const next = test.sink();
    await next.open(FOREVER);
    const ledger = await next.readSnapshots(FOREVER);
    assert.equal(ledger.states.length, 5_000);
    assert.deepEqual(ledger.states.find(({ table }) => table === "t4711"), states[4711]);
    assert.equal(ledger.requestsTaken, 3n);
  }
});

Deno.test("notes of a transaction that is aborted are not read, nor are its rows", async () => {
  await using test = await createSinkBed({ options: { compression: "none" } });
  const configEntries = [{ name: "max.message.bytes", value: "2000" }];
  await test.admin.createTopics({ topics: [{ topic: test.topic("narrow"), configEntries }] });
  const sink = test.sink();
  await sink.open(FOREVER);
  const narrow = await sink.route(test.topic("narrow"), FOREVER);
  await sink.write(filled(sink, narrow, [1]), test.progress(1), FOREVER, {
    states: [state("narrow", 1)],
    requestsTaken: null,
  });
  const ids = Array.from({ length: 100 }, (_, index) => index + 2);
  const failing = sink.write(filled(sink, narrow, ids), test.progress(2), FOREVER, {
    states: [state("narrow", 101)],
    requestsTaken: 5n,
  });
  await rejectsWith("record-too-large", failing);
  const next = test.sink();
  assert.deepEqual(await next.open(FOREVER), test.progress(1));
  assert.deepEqual(await next.readSnapshots(FOREVER), { states: [state("narrow", 1)], requestsTaken: null });
  assert.deepEqual(idsOf(await test.read("narrow")), [1]);
});

Deno.test("notes that a predecessor left half sent are aborted", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  const committed = { states: [state("users", 1)], requestsTaken: null };
  await sink.write(sink.createBatch(), test.progress(1), FOREVER, committed);
  await leaveNotesHalfSent(test, { states: [state("users", 2)], requestsTaken: 2n });
  using client = clientOf(test);
  assert.deepEqual(await client.read(FOREVER), committed);
  const next = test.sink();
  assert.deepEqual(await next.open(FOREVER), test.progress(1));
  assert.deepEqual(await next.readSnapshots(FOREVER), committed);
  assert.deepEqual(await client.read(FOREVER), committed);
});

Deno.test("sources with the same topic prefix have states of their own", async () => {
  await using test = await createSinkBed();
  const others = { identity: { ...test.identity, slot: "other" } };
  for (const [options, rows] of [[{}, 1], [others, 2]] as const) {
    const sink = test.sink(options);
    await sink.open(FOREVER);
    const progress = { ...test.progress(1), ...options };
    await sink.write(sink.createBatch(), progress, FOREVER, {
      states: [state("users", rows)],
      requestsTaken: 1n,
    });
    assert.deepEqual(await reread(test, options), { states: [state("users", rows)], requestsTaken: 1n });
  }
  assert.deepEqual(await reread(test), { states: [state("users", 1)], requestsTaken: 1n });
});

Deno.test("at least once: states are written outside of transactions and read, after the batch", async () => {
  for (const acks of ["all", 1, 0] as const) {
    await using test = await createSinkBed({ options: { delivery: "at-least-once", acks } });
    const sink = test.sink();
    await sink.open(FOREVER);
    const route = await sink.route(test.topic("users"), FOREVER);
    for (const rows of [1, 2]) {
      await sink.write(filled(sink, route, [rows]), test.progress(rows), FOREVER, {
        states: [state("users", rows)],
        requestsTaken: BigInt(rows),
      });
    }
    assert.deepEqual(await reread(test), { states: [state("users", 2)], requestsTaken: 2n });
    assert.deepEqual(idsOf(await test.read("users", 2)), [1, 2]);
  }
});

Deno.test("with exactly-once delivery a forged state is refused by its offset; removing the progress cures", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  await sink.write(sink.createBatch(), test.progress(1), FOREVER, {
    states: [state("users", 1), state("orders", 1)],
    requestsTaken: 4n,
  });
  sink.close();
  const forged = { ...state("users", 1_000_000), status: "complete" } as const;
  const offset = await produce(test, snapshotTopic(test.prefix), {
    key: keyOf(test, "users"),
    value: new TextDecoder().decode(encodeSnapshotState(forged)),
  });
  const next = test.sink();
  await next.open(FOREVER);
  const error = await rejectsWith("position-conflict", next.readSnapshots(FOREVER));
  assert.match(
    error.message,
    new RegExp(`pg-capture\\.snapshots", partition 0, offset ${offset}\\): .*outside of`),
  );
  assert.match(error.fix ?? "", /who may write to this topic/);
  const atLeastOnce = await reread(test, { delivery: "at-least-once" });
  assert.deepEqual(atLeastOnce.states.find(({ table }) => table === "users"), forged);

  const removed = await removeProgress(test.options, test.prefix, test.identity, FOREVER);
  assert.deepEqual(removed, { progress: true, snapshotRecords: 3 });
  const last = test.sink();
  assert.equal(await last.open(FOREVER), null);
  assert.deepEqual(await last.readSnapshots(FOREVER), NOTHING);
});

Deno.test("removing the progress removes the states of at-least-once delivery, which has no progress", async () => {
  await using test = await createSinkBed();
  const remove = () => removeProgress(test.options, test.prefix, test.identity, FOREVER);
  assert.deepEqual(await remove(), { progress: false, snapshotRecords: 0 });
  const sink = test.sink({ delivery: "at-least-once" });
  await sink.open(FOREVER);
  await sink.write(sink.createBatch(), test.progress(1), FOREVER, {
    states: [state("users", 1)],
    requestsTaken: 1n,
  });
  assert.deepEqual(await remove(), { progress: false, snapshotRecords: 2 });
  assert.deepEqual(await reread(test, { delivery: "at-least-once" }), NOTHING);
  assert.deepEqual(await remove(), { progress: false, snapshotRecords: 0 });
  assert.deepEqual(await reread(test), NOTHING, "exactly-once delivery refuses nothing");
});

Deno.test("requests are read from an offset on, those of others are passed over, malformed ones are told", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  const pause: SnapshotRequest = { kind: "pause", tables: [] };
  assert.equal(await send(test, START), 0n);
  assert.equal(await send(test, pause), 1n);
  const topic = controlTopic(test.prefix);
  const key = new TextDecoder().decode(encodeProgressKey(test.identity));
  await produce(test, topic, { key: "other", value: "{}" });
  await produce(test, topic, { key, value: '{"version":1,"kind":"explode","tables":[]}' });
  await produce(test, topic, { key, value: null });
  await produce(test, topic, { key: null, value: "{}" });

  const all = await sink.readRequests(null, FOREVER);
  assert.deepEqual(all.map(({ offset }) => offset), [0n, 1n, 3n, 4n, 5n]);
  assert.deepEqual(all.map(({ request }) => request), [START, pause, undefined, undefined, undefined]);
  assert.match(all[2]?.problem ?? "", /kind is "explode"/);
  assert.match(all[3]?.problem ?? "", /not a JSON object/);
  assert.equal(all[4]?.problem, undefined);
  assert(all.slice(0, 4).every(({ timeMs }) => Math.abs(timeMs - Date.now()) < 60_000));

  assert.deepEqual((await sink.readRequests(1n, FOREVER)).map(({ offset }) => offset), [1n, 3n, 4n, 5n]);
  assert.deepEqual((await sink.readRequests(5n, FOREVER)).map(({ offset }) => offset), [5n]);
  assert.deepEqual(await sink.readRequests(6n, FOREVER), []);
  await send(test, START);
  assert.deepEqual((await sink.readRequests(6n, FOREVER)).map(({ request }) => request), [START]);
});

Deno.test("a few hundred requests are read in several calls, none of them twice", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  await send(test, START);
  const key = new TextDecoder().decode(encodeProgressKey(test.identity));
  const value = '{"version":1,"kind":"pause","tables":["public.users"]}';
  const messages = Array.from({ length: 450 }, () => ({ key, value }));
  await produceAll(test, controlTopic(test.prefix), messages);
  const received: ReceivedRequest[] = [];
  const sizes: number[] = [];
  for (let from: bigint | null = null;; from = (received.at(-1)?.offset ?? 0n) + 1n) {
    const some = await sink.readRequests(from, FOREVER);
    if (some.length === 0) break;
    received.push(...some);
    sizes.push(some.length);
  }
  assert.deepEqual(sizes, [200, 200, 51]);
  assert.deepEqual(
    received.map(({ offset }) => offset),
    Array.from({ length: 451 }, (_, index) => BigInt(index)),
  );
});

Deno.test("a request in a transaction is none, and markers do not hold up what follows", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  await send(test, START);
  const key = new TextDecoder().decode(encodeProgressKey(test.identity));
  const producer = kafkaClient(test.brokers).producer({
    transactionalId: crypto.randomUUID(),
    maxInFlightRequests: 1,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  const value = '{"version":1,"kind":"stop","tables":[]}';
  await transaction.send({ topic: controlTopic(test.prefix), messages: [{ key, value }] });
  await transaction.abort();
  await producer.disconnect();
  const [received] = await sink.readRequests(1n, FOREVER);
  assert.equal(received?.request, undefined);
  assert.match(received?.problem ?? "", /written in a transaction/);
  // The coordinator writes the marker after it has answered.
  const marker = await until(() => sink.readRequests(2n, FOREVER), ({ length }) => length > 0);
  assert.deepEqual(marker.map(({ offset, request, problem }) => [offset, request, problem]), [
    [2n, undefined, undefined],
  ]);
  await send(test, START);
  assert.deepEqual((await sink.readRequests(3n, FOREVER)).map(({ request }) => request), [START]);
});

Deno.test("requests that are gone are passed over, and a control topic that is created again is read from its start", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  const topic = controlTopic(test.prefix);
  for (let count = 0; count < 3; count++) await send(test, START);
  await test.admin.fetchTopicOffsets(topic); // kafkajs has to know the topic
  await test.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
  assert.deepEqual((await sink.readRequests(0n, FOREVER)).map(({ offset }) => offset), [2n]);
  assert.deepEqual((await sink.readRequests(null, FOREVER)).map(({ offset }) => offset), [2n]);

  await test.admin.deleteTopics({ topics: [topic] });
  const look = () => sink.readRequests(3n, FOREVER).catch(() => undefined);
  assert.deepEqual(await until(look, (found) => found !== undefined), []);
  const stop: SnapshotRequest = { kind: "stop", tables: [] };
  await until(() => send(test, stop).catch(() => undefined), (offset) => offset === 0n);
  const received = await until(look, (found) => found !== undefined && found.length > 0);
  assert.deepEqual(received?.map(({ offset, request }) => [offset, request]), [[0n, stop]]);
  // Nothing of this has harmed the sink.
  await sink.write(sink.createBatch(), test.progress(1), FOREVER);
});

Deno.test("a client follows the states as they are delivered", async () => {
  await using test = await createSinkBed();
  using client = clientOf(test);
  assert.deepEqual(await client.read(FOREVER), NOTHING);
  const sink = test.sink();
  await sink.open(FOREVER);
  for (const rows of [1, 2, 3]) {
    const notes = { states: [state("users", rows)], requestsTaken: BigInt(rows) };
    await sink.write(sink.createBatch(), test.progress(rows), FOREVER, notes);
    // The coordinator writes the marker after it has answered.
    const ledger = await until(() => client.read(FOREVER), (each) => each.requestsTaken === BigInt(rows));
    assert.deepEqual(ledger, notes);
  }
});

Deno.test("a probe creates none of the topics, whether snapshots are configured or not", async () => {
  await using test = await createSinkBed();
  for (const delivery of ["exactly-once", "at-least-once"] as const) {
    for (const usesSnapshots of [true, false]) {
      await probeKafka({ ...test.options, delivery, usesSnapshots }, [], FOREVER);
    }
  }
  const topics = await test.admin.listTopics();
  assert.deepEqual(topics.filter((topic) => topic.startsWith(test.prefix)), []);
});

Deno.test("permissions that snapshots need are asked for where they are configured or requested, and not elsewhere", async () => {
  await using kafka = await startKafka({
    properties: {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "allow.everyone.if.no.acl.found": "true",
    },
  });
  await using test = await createSinkBed({ brokers: Promise.resolve(kafka.bootstrap) });
  const [states, control] = [snapshotTopic(test.prefix), controlTopic(test.prefix)];
  await createEach(test, [states, control]);
  const { READ, WRITE, DESCRIBE } = kafkajs.AclOperationTypes;
  const withSnapshots = { ...test.options, usesSnapshots: true };
  await probeKafka(withSnapshots, [], FOREVER);

  await allowNobodyTo(test, READ, [control]);
  const probing = await rejectsWith("kafka-refused", probeKafka(withSnapshots, [], FOREVER));
  assert.match(probing.message, new RegExp(`not allowed: Read on topic "${control}"$`));
  assert.match(probing.fix ?? "", new RegExp(`--operation Read --topic "${control}"`));
  await probeKafka(test.options, [], FOREVER);
  const sink = test.sink();
  await sink.open(FOREVER);
  const reading = await rejectsWith("kafka-refused", sink.readRequests(null, FOREVER));
  assert.match(reading.message, new RegExp(`Cannot read topic "${control}"`));
  await sink.write(sink.createBatch(), test.progress(1), FOREVER);

  // A request that pg-capture could not read is not sent.
  const sending = await rejectsWith("kafka-refused", send(test, START));
  assert.match(
    sending.message,
    new RegExp(`Cannot send a request .*not allowed: Read on topic "${control}"$`),
  );

  await allowNobodyTo(test, WRITE, [states]);
  const notes = { states: [state("users", 1)], requestsTaken: null };
  const writing = await rejectsWith(
    "kafka-refused",
    sink.write(sink.createBatch(), test.progress(2), FOREVER, notes),
  );
  assert.match(writing.message, new RegExp(`Cannot write to topic "${states}"`));

  await allowNobodyTo(test, DESCRIBE, [states, control]);
  await rejectsWith("kafka-refused", test.sink({ usesSnapshots: true }).open(FOREVER));
  const without = test.sink();
  assert.deepEqual(await without.open(FOREVER), test.progress(1));
  assert.deepEqual(await without.readSnapshots(FOREVER), NOTHING);
  assert.deepEqual(await without.readRequests(null, FOREVER), []);
});

async function createEach({ admin }: SinkBed, topics: readonly string[]): Promise<void> {
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: 1 })),
    waitForLeaders: true,
  });
}

async function allowNobodyTo({ admin }: SinkBed, denied: number, topics: readonly string[]): Promise<void> {
  const { AclPermissionTypes: permission, AclOperationTypes, AclResourceTypes } = kafkajs;
  const rules = [
    { operation: AclOperationTypes.ALL, permissionType: permission.ALLOW },
    { operation: denied, permissionType: permission.DENY },
  ];
  await admin.createAcls({
    acl: topics.flatMap((resourceName) =>
      rules.map((rule) => ({
        principal: "User:ANONYMOUS",
        host: "*",
        resourceType: AclResourceTypes.TOPIC,
        resourceName,
        resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
        ...rule,
      }))
    ),
  });
  // The broker's authorizer follows the metadata log.
  await new Promise((resolve) => setTimeout(resolve, 500));
}

/** A client that died in a transaction that holds notes. */
async function leaveNotesHalfSent(
  { options, identity, prefix }: SinkBed,
  notes: SnapshotNotes,
): Promise<void> {
  const cluster = new Cluster(options.brokers, { clientId: "other", security: options.security });
  const directory = new TopicDirectory(cluster);
  const topic = snapshotTopic(prefix);
  await directory.find(topic, FOREVER);
  const delivery = new TransactionalDelivery(cluster, directory, null, transactionalIdOf(identity));
  await delivery.open(FOREVER);
  const target = { topic, pool: new ArenaPool(0), maxMessageBytes: 1_000_000 };
  await delivery.send(snapshotBatches(recordsOfNotes(identity, notes), target, Date.now()), FOREVER);
  cluster.close();
}

async function until<Result>(
  look: () => Promise<Result>,
  condition: (result: Result) => boolean,
): Promise<Result> {
  for (let tries = 0; tries < 200; tries++) {
    const result = await look();
    if (condition(result)) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not happen within 10 s");
}

function state(table: string, rows: number): SnapshotState {
  return snapshotState(table, { lastKey: [String(rows)], rows, rowsExpected: 10_000 });
}

function byTable({ states, requestsTaken }: Awaited<ReturnType<typeof reread>>) {
  return { states: states.toSorted((a, b) => a.table < b.table ? -1 : 1), requestsTaken };
}

async function reread(test: SinkBed, options: Parameters<SinkBed["sink"]>[0] = {}) {
  const sink = test.sink(options);
  await sink.open(FOREVER);
  const ledger = await sink.readSnapshots(FOREVER);
  sink.close();
  return ledger;
}

function clientOf({ options }: SinkBed): SnapshotClient {
  return new SnapshotClient(options);
}

async function send(test: SinkBed, request: SnapshotRequest): Promise<bigint> {
  using client = clientOf(test);
  return await client.send(request, Date.now(), FOREVER);
}

function keyOf({ identity }: SinkBed, table: string): string {
  return new TextDecoder().decode(encodeSnapshotKey(identity, { kind: "state", schema: "public", table }));
}

interface Message {
  readonly key: string | null;
  readonly value: string | null;
}

/** @returns the record's offset */
async function produce(test: SinkBed, topic: string, message: Message): Promise<string> {
  return await produceAll(test, topic, [message]);
}

async function produceAll(
  { brokers }: SinkBed,
  topic: string,
  messages: readonly Message[],
): Promise<string> {
  const producer = kafkaClient(brokers).producer();
  await producer.connect();
  try {
    const [result] = await producer.send({ topic, messages: messages.map((message) => ({ ...message })) });
    return result!.baseOffset!;
  } finally {
    await producer.disconnect();
  }
}

async function rejectsWith(kind: ErrorKind, promise: Promise<unknown>): Promise<CaptureError> {
  let found: unknown;
  await assert.rejects(promise, (error) => {
    found = error;
    return true;
  });
  assert(found instanceof CaptureError, String(found));
  assert.equal(found.kind, kind, found.message);
  return found;
}
