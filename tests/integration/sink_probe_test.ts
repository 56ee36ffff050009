// Trying a cluster on a real broker: what is found, and that the sink which delivers meanwhile notices nothing.

import { strict as assert } from "node:assert";
import { CaptureError } from "../../src/core/errors.ts";
import { probeKafka } from "../../src/sink/probe.ts";
import { progressTopic } from "../../src/sink/topics.ts";
import { createSinkBed, filled, idsOf } from "../support/sink_bed.ts";

const FOREVER = new AbortController().signal;

Deno.test("a probe fences nobody: a sink goes on, also in the middle of a transaction", async () => {
  await using test = await createSinkBed();
  const sink = test.sink();
  await sink.open(FOREVER);
  const route = await sink.route(test.topic("users"), FOREVER);
  for (const seq of [1, 2, 3]) {
    await sink.send(filled(sink, route, [seq]), FOREVER);
    const found = await probeKafka(test.options, [route.topic], FOREVER);
    assert.deepEqual(found, seq === 1 ? null : test.progress(seq - 1), "only what is committed counts");
    await sink.write(sink.createBatch(), test.progress(seq), FOREVER);
  }
  assert.deepEqual(idsOf(await test.read("users", 3)), [1, 2, 3]);
});

Deno.test("a probe creates nothing, for either delivery", async () => {
  await using test = await createSinkBed();
  for (const delivery of ["exactly-once", "at-least-once"] as const) {
    const options = { ...test.options, delivery };
    for (const topics of [[], [test.topic("users")]]) {
      assert.equal(await probeKafka(options, topics, FOREVER), null);
    }
  }
  const topics = await test.admin.listTopics();
  assert.deepEqual(topics.filter((topic) => topic.startsWith(test.prefix)), []);
});

Deno.test("a probe is refused what creating the progress topic would be", async () => {
  await using test = await createSinkBed({ options: { topicReplicationFactor: 9 } });
  await assert.rejects(probeKafka(test.options, [], FOREVER), (error) => {
    assert(error instanceof CaptureError && error.kind === "kafka-refused");
    assert.match(error.message, /Cannot create topic ".*pg-capture\.progress"/);
    assert.match(error.fix ?? "", /KAFKA_TOPIC_REPLICATION_FACTOR/);
    return true;
  });
});

Deno.test("a progress topic that was created by hand, with the records' own time, is written and kept", async () => {
  await using test = await createSinkBed();
  const configEntries = [
    { name: "message.timestamp.type", value: "CreateTime" },
    { name: "message.timestamp.before.max.ms", value: "3600000" },
  ];
  await test.admin.createTopics({ topics: [{ topic: progressTopic(test.prefix), configEntries }] });
  const sink = test.sink();
  await sink.open(FOREVER);
  await sink.write(sink.createBatch(), test.progress(1), FOREVER);
  assert.deepEqual(await test.sink().open(FOREVER), test.progress(1));
});

Deno.test("a clock that such a topic does not take is told with the command that lets the broker's count", async () => {
  await using test = await createSinkBed({ options: { wallClock: () => Date.now() - 7_200_000 } });
  const topic = progressTopic(test.prefix);
  const configEntries = [
    { name: "message.timestamp.type", value: "CreateTime" },
    { name: "message.timestamp.before.max.ms", value: "3600000" },
  ];
  await test.admin.createTopics({ topics: [{ topic, configEntries }] });
  const sink = test.sink();
  await sink.open(FOREVER);
  await assert.rejects(sink.write(sink.createBatch(), test.progress(1), FOREVER), (error) => {
    assert(error instanceof CaptureError && error.kind === "kafka-refused");
    assert.match(
      error.fix ?? "",
      new RegExp(`--entity-name "${topic}" --add-config message.timestamp.type=Log`),
    );
    return true;
  });
});
