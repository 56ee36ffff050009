// The consumer that judges: it reads what is committed, whatever the compression, and not what is not.

import { deepStrictEqual, strictEqual } from "node:assert";
import kafkajs from "kafkajs";
import type { Admin, Kafka, Producer } from "kafkajs";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { readTopics } from "../support/consumer.ts";
import { sharedServers } from "../support/servers.ts";

Deno.test("records of a committed transaction are read, of an aborted or open one not", async () => {
  await using bench = await createBench();
  await bench.admin.createTopics({ topics: [{ topic: bench.topic, numPartitions: 2 }] });
  const producer = bench.kafka.producer({
    transactionalId: bench.topic,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  await transaction(producer, bench.topic, ["a", "b"], "commit");
  await transaction(producer, bench.topic, ["c"], "abort");
  await transaction(producer, bench.topic, ["d"], "abort");
  await transaction(producer, bench.topic, ["e"], "commit");
  await transaction(producer, bench.topic, ["f"], "abort");
  await transaction(producer, bench.topic, ["g"], "leave open");
  const records = await readTopics({ brokers: bench.brokers, prefix: bench.prefix });
  deepStrictEqual(records.map(({ partition, key, value }) => [partition, key, value]).sort(), [
    [0, "a", "value of a"],
    [0, "e", "value of e"],
    [1, "b", "value of b"],
  ]);
  await producer.disconnect();
});

for (const name of ["None", "GZIP", "Snappy", "LZ4", "ZSTD"] as const) {
  Deno.test(`records compressed with ${name} are read`, async () => {
    await using bench = await createBench();
    await bench.admin.createTopics({ topics: [{ topic: bench.topic }] });
    const producer = bench.kafka.producer();
    await producer.connect();
    const value = "a long value ".repeat(1000);
    await producer.send({
      topic: bench.topic,
      messages: [{ key: "a", value }, { key: null, value: null }],
      compression: kafkajs.CompressionTypes[name],
    });
    await producer.disconnect();
    const records = await readTopics({ brokers: bench.brokers, topics: [bench.topic] });
    deepStrictEqual(records.map(({ key, value }) => [key, value]), [["a", value], [null, null]]);
  });
}

Deno.test("topics that are made later are waited for, and extra records are read too", async () => {
  await using bench = await createBench();
  const reading = readTopics({ brokers: bench.brokers, prefix: bench.prefix, untilCount: 3 });
  await delay(300);
  const producer = bench.kafka.producer();
  await producer.connect();
  for (const topic of [`${bench.prefix}.one`, `${bench.prefix}.two`]) {
    await bench.admin.createTopics({ topics: [{ topic }] });
    await producer.send({ topic, messages: [{ value: "1" }, { value: "2" }] });
  }
  await producer.disconnect();
  deepStrictEqual((await reading).map(({ topic, offset, value }) => [topic, offset, value]), [
    [`${bench.prefix}.one`, 0, "1"],
    [`${bench.prefix}.one`, 1, "2"],
    [`${bench.prefix}.two`, 0, "1"],
    [`${bench.prefix}.two`, 1, "2"],
  ]);
});

Deno.test("with too few records it returns those that there are, after a while", async () => {
  await using bench = await createBench();
  const records = await readTopics({
    brokers: bench.brokers,
    prefix: bench.prefix,
    untilCount: 1,
    idleMs: 200,
  });
  strictEqual(records.length, 0);
});

interface Bench extends AsyncDisposable {
  readonly brokers: string;
  readonly prefix: string;
  readonly topic: string;
  readonly kafka: Kafka;
  readonly admin: Admin;
}

async function createBench(): Promise<Bench> {
  const { brokers } = await sharedServers();
  const prefix = `read-${crypto.randomUUID().slice(0, 8)}`;
  const kafka = kafkaClient(brokers);
  const admin = kafka.admin();
  await admin.connect();
  return {
    brokers,
    prefix,
    topic: `${prefix}.one`,
    kafka,
    admin,
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

/** One record for each key, in partition 0 and 1 by turns. */
async function transaction(
  producer: Producer,
  topic: string,
  keys: readonly string[],
  end: "commit" | "abort" | "leave open",
): Promise<void> {
  const open = await producer.transaction();
  await open.send({
    topic,
    messages: keys.map((key, partition) => ({ key, partition, value: `value of ${key}` })),
  });
  if (end === "commit") await open.commit();
  if (end === "abort") await open.abort();
}
