// The sink on a real broker: what it delivers is read back by kafkajs, read-committed.

import { NO_HEADERS } from "../../src/core/encoded_record.ts";
import { strict as assert } from "node:assert";
import kafkajs from "kafkajs";
import { startKafka } from "../../dev/servers/kafka.ts";
import { CaptureError, type ErrorKind } from "../../src/core/errors.ts";
import { transactionalIdOf } from "../../src/sink/kafka_sink.ts";
import { progressTopic } from "../../src/sink/topics.ts";
import {
  abortHalfSent,
  brokersOf,
  createSinkBed,
  fill,
  filled,
  idsFrom,
  idsOf,
  leaveHalfSent,
} from "../support/sink_bed.ts";

const FOREVER = new AbortController().signal;
const utf8 = new TextEncoder();

for (const version of ["4.1.0", "3.9.1"] as const) {
  const name = `Kafka ${version}`;
  const bed = () => createSinkBed({ brokers: brokersOf(version) });

  Deno.test(`${name}: records are delivered once and in order, progress with them`, async () => {
    await using test = await bed();
    const sink = test.sink();
    assert.equal(await sink.open(FOREVER), null);
    const route = await sink.route(test.topic("users"), FOREVER);
    for (let round = 0; round < 5; round++) {
      await sink.write(filled(sink, route, idsFrom(round * 100, 100)), test.progress(round), FOREVER);
    }
    assert.deepEqual(idsOf(await test.read("users", 500)), idsFrom(0, 500));
    assert.deepEqual(await test.sink().open(FOREVER), test.progress(4));
  });

  Deno.test(`${name}: an empty batch delivers progress alone`, async () => {
    await using test = await bed();
    const sink = test.sink();
    await sink.open(FOREVER);
    await sink.write(sink.createBatch(), test.progress(1), FOREVER);
    await sink.write(sink.createBatch(), test.progress(2), FOREVER);
    assert.deepEqual(await test.sink().open(FOREVER), test.progress(2));
  });

  Deno.test(`${name}: a second sink fences the first, whose next write changes nothing`, async () => {
    await using test = await bed();
    const first = test.sink();
    await first.open(FOREVER);
    const route = await first.route(test.topic("users"), FOREVER);
    await first.write(filled(first, route, [1, 2]), test.progress(1), FOREVER);

    const second = test.sink();
    assert.deepEqual(await second.open(FOREVER), test.progress(1));
    await second.route(test.topic("users"), FOREVER);
    await rejectsWith("fenced", () => first.write(filled(first, route, [3, 4]), test.progress(2), FOREVER));
    await second.write(filled(second, route, [3, 4]), test.progress(2), FOREVER);

    assert.deepEqual(idsOf(await test.read("users", 4)), [1, 2, 3, 4]);
    assert.deepEqual(await test.sink().open(FOREVER), test.progress(2));
  });

  Deno.test(`${name}: what a predecessor left half sent is aborted`, async () => {
    await using test = await bed();
    const first = test.sink();
    await first.open(FOREVER);
    const route = await first.route(test.topic("users"), FOREVER);
    await first.write(filled(first, route, [1]), test.progress(1), FOREVER);
    await leaveHalfSent(test, transactionalIdOf(test.identity), test.progress(2));

    const second = test.sink();
    assert.deepEqual(await second.open(FOREVER), test.progress(1));
    await second.route(test.topic("users"), FOREVER);
    await second.write(filled(second, route, [2]), test.progress(3), FOREVER);
    assert.deepEqual(idsOf(await test.read("users", 2)), [1, 2]);
  });

  Deno.test(`${name}: aborted progress records at the end of the log are ignored`, async () => {
    await using test = await bed();
    const sink = test.sink();
    await sink.open(FOREVER);
    await sink.write(sink.createBatch(), test.progress(1), FOREVER);
    const other = `${transactionalIdOf(test.identity)}.other`;
    for (const seq of [2, 3, 4]) {
      await abortHalfSent(test, other, await leaveHalfSent(test, other, test.progress(seq)));
    }
    assert.deepEqual(await test.sink().open(FOREVER), test.progress(1));
  });

  Deno.test(`${name}: many small transactions in a row`, async () => {
    await using test = await bed();
    const sink = test.sink();
    await sink.open(FOREVER);
    const route = await sink.route(test.topic("users"), FOREVER);
    const batch = sink.createBatch();
    for (let id = 0; id < 100; id++) {
      fill(batch, route, [id]);
      await sink.write(batch, test.progress(id), FOREVER);
      batch.clear();
    }
    assert.deepEqual(idsOf(await test.read("users", 100)), idsFrom(0, 100));
  });
}

Deno.test("every codec is read back", async () => {
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    await using test = await createSinkBed({ options: { compression } });
    const sink = test.sink();
    await sink.open(FOREVER);
    const route = await sink.route(test.topic("users"), FOREVER);
    await sink.write(filled(sink, route, idsFrom(0, 2000)), test.progress(1), FOREVER);
    assert.deepEqual(idsOf(await test.read("users", 2000)), idsFrom(0, 2000), compression);
  }
});

Deno.test("keys go where kafkajs sends them, null keys to partition 0, each with its timestamp", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 12 } });
  const sink = test.sink();
  await sink.open(FOREVER);
  const route = await sink.route(test.topic("users"), FOREVER);
  assert.equal(route.partitions, 12);
  const batch = filled(sink, route, idsFrom(0, 300));
  batch.append(
    route,
    { bytes: utf8.encode("no key"), keyEnd: -1, valueEnd: 6, headers: NO_HEADERS },
    1_700_000_000_777,
  );
  batch.append(
    route,
    { bytes: utf8.encode('{"id":7}'), keyEnd: 8, valueEnd: -1, headers: NO_HEADERS },
    1_700_000_000_778,
  );
  await sink.write(batch, test.progress(1), FOREVER);

  const records = await test.read("users", 302);
  assert.equal(records.length, 302);
  const partitionMetadata = idsFrom(0, 12).map((partitionId) => ({
    ...{ partitionId, partitionErrorCode: 0, leader: 1, replicas: [], isr: [] },
  }));
  const partitioner = kafkajs.Partitioners.DefaultPartitioner();
  for (const { topic, partition, key } of records) {
    const expected = key === null
      ? 0
      : partitioner({ topic, partitionMetadata, message: { key, value: null } });
    assert.equal(partition, expected, String(key));
  }
  const withoutKey = records.find(({ key }) => key === null);
  assert.deepEqual([withoutKey?.value, withoutKey?.timestampMs], ["no key", 1_700_000_000_777]);
  assert.equal(records.filter(({ value }) => value === null).length, 1);
});

Deno.test("a topic that is there is taken as it is, one that is not is made as configured", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 2, topicReplicationFactor: 1 } });
  await test.admin.createTopics({ topics: [{ topic: test.topic("old"), numPartitions: 5 }] });
  const sink = test.sink();
  await sink.open(FOREVER);
  assert.equal((await sink.route(test.topic("old"), FOREVER)).partitions, 5);
  assert.equal((await sink.route(test.topic("new"), FOREVER)).partitions, 2);
});

Deno.test("topics that are needed soon are made along, and one that can't be made fails only when it is its turn", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 2, topicReplicationFactor: 1 } });
  const sink = test.sink();
  await sink.open(FOREVER);
  const soon = Array.from({ length: 30 }, (_, index) => test.topic(`t${index}`));
  const impossible = "x".repeat(300);
  assert.equal((await sink.route(test.topic("t0"), FOREVER, [...soon, impossible])).partitions, 2);
  const there = await test.admin.listTopics();
  assert.deepEqual(soon.filter((topic) => !there.includes(topic)), []);
  for (const topic of soon) assert.equal((await sink.route(topic, FOREVER)).partitions, 2);
  await assert.rejects(sink.route(impossible, FOREVER), /Cannot (make|look up) topic/);
});

Deno.test("added partitions have routes after a refresh, and records go there", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 1 } });
  const sink = test.sink();
  await sink.open(FOREVER);
  const topic = test.topic("grown");
  const before = await sink.route(topic, FOREVER);
  await sink.write(filled(sink, before, idsFrom(0, 50)), test.progress(1), FOREVER);
  assert.equal(await sink.refreshRoutes(FOREVER), false);
  await test.admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
  assert.equal((await sink.route(topic, FOREVER)).partitions, 1);
  while (!await sink.refreshRoutes(FOREVER)); // a broker may not know of them yet
  const after = await sink.route(topic, FOREVER);
  assert.equal(after.partitions, 4);
  // Both routes in one batch: what came before the change, and what came after it.
  const batch = filled(sink, before, idsFrom(50, 50));
  fill(batch, after, idsFrom(100, 50));
  await sink.write(batch, test.progress(2), FOREVER);
  const records = await test.read("grown", 150);
  const late = (id: number) => id >= 100;
  const idOf = (value: string | null) => JSON.parse(value ?? "").after.id;
  assert.deepEqual(records.map(({ value }) => idOf(value)).toSorted((a, b) => a - b), idsFrom(0, 150));
  assert.deepEqual(
    new Set(records.filter(({ value }) => !late(idOf(value))).map((each) => each.partition)),
    new Set([0]),
  );
  assert.equal(
    new Set(records.filter(({ value }) => late(idOf(value))).map((each) => each.partition)).size,
    4,
  );
});

Deno.test("a topic that was made anew with fewer partitions keeps its route: writing says that it is missing", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 3 } });
  const sink = test.sink();
  await sink.open(FOREVER);
  const topic = test.topic("shrunk");
  const route = await sink.route(topic, FOREVER);
  await test.admin.deleteTopics({ topics: [topic] });
  assert.equal(await sink.refreshRoutes(FOREVER), false);
  await createWhenGone(() =>
    test.admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] })
  );
  assert.equal(await sink.refreshRoutes(FOREVER), false);
  assert.equal((await sink.route(topic, FOREVER)).partitions, 3);
  await rejectsWith(
    "topic-missing",
    () => sink.write(filled(sink, route, idsFrom(0, 50)), test.progress(1), FOREVER),
  );
});

Deno.test("the progress topic is compacted and has one partition", async () => {
  await using test = await createSinkBed({ options: { topicPartitions: 3 } });
  await test.sink().open(FOREVER);
  const topic = progressTopic(test.prefix);
  const { resources } = await test.admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ["cleanup.policy"] }],
  });
  assert.equal(resources[0]?.configEntries[0]?.configValue, "compact");
  assert.equal((await test.admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length, 1);
});

Deno.test("a progress topic that was deleted leaves no progress", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  await sink.write(sink.createBatch(), test.progress(1), FOREVER);
  sink.close();
  await test.admin.deleteTopics({ topics: [progressTopic(test.prefix)] });
  assert.equal(await test.sink().open(FOREVER), null);
});

Deno.test("after a failure nothing works on the sink", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  const route = await sink.route(test.topic("users"), FOREVER);
  await test.admin.deleteTopics({ topics: [route.topic] });
  await rejectsWith("topic-missing", async () => {
    // A topic that is being deleted still takes a few.
    for (let count = 0; count < 100; count++) {
      await sink.write(filled(sink, route, [count]), test.progress(count), FOREVER);
    }
  });
  await rejectsWith("topic-missing", () => sink.route(test.topic("others"), FOREVER));
  await assert.rejects(sink.write(sink.createBatch(), test.progress(2), FOREVER), /Assertion failed/);
  await assert.rejects(sink.open(FOREVER), /Assertion failed/);
  // Its successor makes the topic anew.
  const next = test.sink();
  await next.open(FOREVER);
  await next.write(filled(next, await next.route(route.topic, FOREVER), [4711]), test.progress(200), FOREVER);
  assert.deepEqual(idsOf(await test.read("users", 1)), [4711]);
});

Deno.test("a batch that the topic does not take names the topic, and nothing of it is seen", async () => {
  await using test = await createSinkBed({ options: { compression: "none" } });
  const configEntries = [{ name: "max.message.bytes", value: "2000" }];
  await test.admin.createTopics({ topics: [{ topic: test.topic("narrow"), configEntries }] });
  const sink = test.sink();
  await sink.open(FOREVER);
  const [narrow, users] = [
    await sink.route(test.topic("narrow"), FOREVER),
    await sink.route(test.topic("users"), FOREVER),
  ];
  const batch = filled(sink, users, [1, 2, 3]);
  fill(batch, narrow, idsFrom(0, 100));
  await rejectsWith("record-too-large", () => sink.write(batch, test.progress(1), FOREVER), /narrow/);
  assert.equal(await test.sink().open(FOREVER), null);
  assert.deepEqual(await test.read("users"), []);
});

Deno.test("a write that is aborted rejects with the signal's reason, and leaves the outcome to the progress", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  const abort = new AbortController();
  const writing = sink.write(sink.createBatch(), test.progress(1), abort.signal);
  abort.abort("enough");
  await assert.rejects(writing, (reason) => reason === "enough");
  const found = await test.sink().open(FOREVER);
  assert(found === null || found.position.seq === 1);
});

Deno.test("at least once: records are there, the progress of an earlier time is read, none is written", async () => {
  for (const acks of ["all", 1, 0] as const) {
    await using test = await createSinkBed();
    const before = test.sink();
    await before.open(FOREVER);
    await before.write(before.createBatch(), test.progress(1), FOREVER);
    before.close();

    const sink = test.sink({ delivery: "at-least-once", acks });
    assert.deepEqual(await sink.open(FOREVER), test.progress(1));
    const route = await sink.route(test.topic("users"), FOREVER);
    for (let round = 0; round < 5; round++) {
      await sink.write(filled(sink, route, idsFrom(round * 100, 100)), test.progress(2), FOREVER);
    }
    await sink.write(sink.createBatch(), test.progress(3), FOREVER);
    assert.deepEqual(idsOf(await test.read("users", 500)), idsFrom(0, 500), `acks ${acks}`);
    sink.close();
    assert.deepEqual(await test.sink({ delivery: "at-least-once", acks }).open(FOREVER), test.progress(1));
  }
});

Deno.test("at least once needs no progress topic and makes none", async () => {
  await using test = await createSinkBed();
  assert.equal(await test.sink({ delivery: "at-least-once" }).open(FOREVER), null);
  assert(!(await test.admin.listTopics()).includes(progressTopic(test.prefix)));
});

Deno.test("brokers that are not there are passed over", async () => {
  await using test = await createSinkBed();
  const { brokers } = test.options;
  const sink = test.sink({ brokers: [{ host: "127.0.0.1", port: 1 }, ...brokers] });
  assert.equal(await sink.open(FOREVER), null);
  const lost = test.sink({ brokers: [{ host: "127.0.0.1", port: 1 }, { host: "127.0.0.1", port: 2 }] });
  await rejectsWith("kafka-unavailable", () => lost.open(FOREVER), /127\.0\.0\.1:1.*127\.0\.0\.1:2/);
});

Deno.test("what is not allowed is refused with the rule that allows it", async () => {
  const kafka = await startKafka({
    properties: {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "allow.everyone.if.no.acl.found": "true",
    },
  });
  await using _kafka = kafka;
  await using test = await createSinkBed({ brokers: Promise.resolve(kafka.bootstrap) });
  const { TOPIC, TRANSACTIONAL_ID, CLUSTER } = kafkajs.AclResourceTypes;
  const { WRITE, CREATE, READ, DESCRIBE, ALL, IDEMPOTENT_WRITE } = kafkajs.AclOperationTypes;
  const rule = async (
    permissionType: number,
    resourceType: number,
    resourceName: string,
    operation: number,
  ) => {
    const rest = {
      resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
      principal: "User:ANONYMOUS",
      host: "*",
    };
    await test.admin.createAcls({
      acl: [{ ...rest, permissionType, resourceType, resourceName, operation }],
    });
  };
  const allow = (type: number, name: string, operation: number) =>
    rule(kafkajs.AclPermissionTypes.ALLOW, type, name, operation);
  const deny = (type: number, name: string, operation: number) =>
    rule(kafkajs.AclPermissionTypes.DENY, type, name, operation);

  const sink = test.sink();
  await sink.open(FOREVER);
  const route = await sink.route(test.topic("users"), FOREVER);
  await sink.write(filled(sink, route, [0]), test.progress(0), FOREVER);
  await deny(TOPIC, route.topic, WRITE);
  const refusal = await rejectsWith(
    "kafka-refused",
    () => sink.write(filled(sink, route, [1]), test.progress(1), FOREVER),
    /write to topic/,
  );
  assert.match(refusal.fix ?? "", new RegExp(`--operation Write --topic "${route.topic}"`));

  const second = test.sink();
  await second.open(FOREVER);
  await allow(TOPIC, test.topic("orders"), DESCRIBE);
  await deny(TOPIC, test.topic("orders"), CREATE);
  await allow(CLUSTER, "kafka-cluster", ALL);
  await deny(CLUSTER, "kafka-cluster", CREATE);
  const creation = await rejectsWith(
    "kafka-refused",
    () => second.route(test.topic("orders"), FOREVER),
    /create topic/,
  );
  assert.match(creation.fix ?? "", /--operation Create/);
  second.close();

  await deny(CLUSTER, "kafka-cluster", IDEMPOTENT_WRITE);
  await deny(TRANSACTIONAL_ID, transactionalIdOf(test.identity), WRITE);
  const taking = await rejectsWith("kafka-refused", () => test.sink().open(FOREVER), /transactional id/);
  assert.match(taking.fix ?? "", /--transactional-id "pg-capture\./);

  await allow(TOPIC, progressTopic(test.prefix), DESCRIBE);
  await deny(TOPIC, progressTopic(test.prefix), READ);
  const other = test.sink({ delivery: "at-least-once", acks: 1 });
  const reading = await rejectsWith("kafka-refused", () => other.open(FOREVER));
  assert.match(reading.fix ?? "", /--operation Read/);
});

Deno.test("a broker that is killed makes a write fail, and after its return all goes on from the progress", async () => {
  await using kafka = await startKafka();
  await using test = await createSinkBed({ brokers: Promise.resolve(kafka.bootstrap) });
  const sink = test.sink();
  await sink.open(FOREVER);
  const route = await sink.route(test.topic("users"), FOREVER);
  await sink.write(filled(sink, route, [1]), test.progress(1), FOREVER);
  await kafka.kill();
  await assert.rejects(
    sink.write(filled(sink, route, [2]), test.progress(2), FOREVER),
    (error) => error instanceof CaptureError && /^kafka-un/.test(error.kind),
  );
  await rejectsWith("kafka-unavailable", () => test.sink().open(FOREVER));
  await kafka.start();
  const next = test.sink();
  assert.deepEqual(await next.open(FOREVER), test.progress(1));
  await next.write(filled(next, await next.route(route.topic, FOREVER), [2]), test.progress(2), FOREVER);
  assert.deepEqual(idsOf(await test.read("users", 2)), [1, 2]);
});

Deno.test("a frozen broker is noticed, and an abort does not wait for it", async () => {
  await using kafka = await startKafka();
  await using test = await createSinkBed({ brokers: Promise.resolve(kafka.bootstrap) });
  const sink = test.sink();
  await sink.open(FOREVER);
  await kafka.freeze();
  try {
    const abort = new AbortController();
    const writing = sink.write(sink.createBatch(), test.progress(1), abort.signal);
    setTimeout(() => abort.abort("enough"), 100);
    await assert.rejects(writing, (reason) => reason === "enough");
  } finally {
    kafka.thaw();
  }
});

Deno.test("connections that the broker closes while they are idle are opened again", async () => {
  await using kafka = await startKafka({ properties: { "connections.max.idle.ms": "1000" } });
  await using test = await createSinkBed({ brokers: Promise.resolve(kafka.bootstrap) });
  const sink = test.sink();
  await sink.open(FOREVER);
  const route = await sink.route(test.topic("users"), FOREVER);
  for (const id of [1, 2]) {
    await sink.write(filled(sink, route, [id]), test.progress(id), FOREVER);
    await new Promise((resolve) => setTimeout(resolve, 2500));
  }
  assert.deepEqual(idsOf(await test.read("users", 2)), [1, 2]);
});

Deno.test("a transactional id is taken over again and again", async () => {
  await using test = await createSinkBed();
  for (let count = 0; count < 20; count++) {
    const sink = test.sink();
    await sink.open(FOREVER);
    sink.close();
  }
});

async function rejectsWith(
  kind: ErrorKind,
  act: () => Promise<unknown>,
  message = /./,
): Promise<CaptureError> {
  let found: unknown;
  await assert.rejects(act, (error) => {
    found = error;
    return true;
  });
  assert(found instanceof CaptureError, String(found));
  assert.equal(found.kind, kind, found.message);
  assert.match(found.message, message);
  return found;
}

/** A topic that is being deleted still exists for a moment. */
async function createWhenGone(create: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await create().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the old topic does not go away");
}
