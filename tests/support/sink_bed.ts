// A sink under test: a topic prefix of its own on a real broker, and what a test does with it.

import { NO_HEADERS } from "../../src/core/encoded_record.ts";
import { strict as assert } from "node:assert";
import type { Admin } from "kafkajs";
import { startKafka } from "../../dev/servers/kafka.ts";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { givenBrokers } from "../../dev/servers/servers_environment.ts";
import type { Progress, SourceIdentity } from "../../src/core/position.ts";
import type { Batch, Route, Sink } from "../../src/pipeline/ports.ts";
import { ArenaPool } from "../../src/sink/arena_pool.ts";
import { Cluster } from "../../src/sink/cluster.ts";
import { createKafkaSink } from "../../src/sink/kafka_sink.ts";
import type { KafkaSinkOptions } from "../../src/sink/options.ts";
import { produceToLeaders } from "../../src/sink/produce_to_leaders.ts";
import { initProducerId, type TransactionalIdentity } from "../../src/sink/producer_id.ts";
import { encodeProgressKey, encodeProgressValue } from "../../src/sink/progress_record.ts";
import { RecordBatch } from "../../src/sink/record_batch.ts";
import { TopicDirectory } from "../../src/sink/topic_directory.ts";
import { progressTopic } from "../../src/sink/topics.ts";
import { addPartitionsToTxn } from "../../src/sink/wire/apis/add_partitions_to_txn.ts";
import { endTxn } from "../../src/sink/wire/apis/end_txn.ts";
import { produce } from "../../src/sink/wire/apis/produce.ts";
import { PLAINTEXT } from "../../src/sink/wire/security.ts";
import { readTopics, type TopicRecord } from "./consumer.ts";

const FOREVER = new AbortController().signal;
const utf8 = new TextEncoder();

/** A topic prefix of its own on a broker, and what belongs to it. */
export interface SinkBed extends AsyncDisposable {
  readonly prefix: string;
  readonly brokers: string;
  readonly identity: SourceIdentity;
  readonly options: KafkaSinkOptions;
  readonly admin: Admin;
  /** A new sink; closed at the end. */
  sink(options?: Partial<KafkaSinkOptions>): Sink;
  topic(table: string): string;
  progress(seq: number): Progress;
  /** What a read-committed consumer sees, of at least so many records. */
  read(table: string, untilCount?: number): Promise<readonly TopicRecord[]>;
}

export async function createSinkBed(
  setting: { readonly brokers?: Promise<string>; readonly options?: Partial<KafkaSinkOptions> } = {},
): Promise<SinkBed> {
  const brokers = await (setting.brokers ?? brokersOf("4.1.0"));
  const prefix = `sink-${crypto.randomUUID().slice(0, 8)}`;
  const identity = { systemIdentifier: "7301234567890123456", database: "shop", slot: prefix };
  const options: KafkaSinkOptions = {
    brokers: brokers.split(",").map((broker) => {
      const [host = "", port] = broker.split(":");
      return { host, port: Number(port) };
    }),
    security: PLAINTEXT,
    prefix,
    delivery: "exactly-once",
    compression: "snappy",
    acks: "all",
    maxMessageBytes: 1_048_576,
    batchBytesMax: 1_048_576,
    clientId: "pg-capture-tests",
    identity,
    wallClock: Date.now,
    ...setting.options,
  };
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  const sinks: Sink[] = [];
  return {
    prefix,
    brokers,
    identity,
    options,
    admin,
    sink(more = {}) {
      const sink = createKafkaSink({ ...options, ...more });
      sinks.push(sink);
      return sink;
    },
    topic: (table) => `${prefix}.public.${table}`,
    progress: (seq) => ({
      identity,
      timeline: 1,
      publication: "shop",
      position: { commitLsn: 100n, seq, commitTimeMs: 0, endLsn: 200n },
    }),
    read: (table, untilCount = 0) =>
      readTopics({ brokers, topics: [`${prefix}.public.${table}`], untilCount }),
    async [Symbol.asyncDispose]() {
      for (const sink of sinks) sink.close();
      await admin.disconnect();
    },
  };
}

/** The addresses of a broker of that version, shared by the tests of a file; it ends with them. */
export function brokersOf(version: string): Promise<string> {
  const given = version === "4.1.0" ? givenBrokers() : undefined;
  const brokers = started.get(version) ??
    (given === undefined
      ? startKafka({ version }).then(({ bootstrap }) => bootstrap)
      : Promise.resolve(given));
  started.set(version, brokers);
  return brokers;
}

/** A new batch with a record for each id. */
export function filled(sink: Sink, route: Route, ids: readonly number[]): Batch {
  const batch = sink.createBatch();
  fill(batch, route, ids);
  return batch;
}

/** Adds a record for each id: key `{"id":N}`, the id in the value too. */
export function fill(batch: Batch, route: Route, ids: readonly number[]): void {
  for (const id of ids) {
    const key = `{"id":${id}}`;
    const bytes = utf8.encode(`${key}{"after":{"id":${id},"name":"John Doe"}}`);
    batch.append(
      route,
      { bytes, keyEnd: key.length, valueEnd: bytes.length, headers: NO_HEADERS },
      1_700_000_000_000 + id,
    );
  }
}

/** `count` ids from `first` on. */
export function idsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** The ids in the records' values. */
export function idsOf(records: readonly TopicRecord[]): number[] {
  return records.map(({ value }) => JSON.parse(value ?? "").after.id);
}

/** A transaction that holds a progress record and is neither committed nor aborted: a client that died in it. */
export async function leaveHalfSent(
  test: SinkBed,
  transactionalId: string,
  progress: Progress,
): Promise<TransactionalIdentity> {
  return await inOtherClient(test, async (cluster, directory) => {
    const topic = progressTopic(test.prefix);
    await directory.findOrCreate(topic, { configs: [] }, FOREVER);
    const producer = await initProducerId(cluster, transactionalId, 60_000, FOREVER);
    const coordinator = await cluster.connectTo(producer.coordinator, FOREVER);
    const topics = [{ topic, partitions: [0] }];
    const added = await coordinator.request(
      addPartitionsToTxn,
      { transactionalId, ...producer, topics },
      FOREVER,
    );
    assert.deepEqual(added.map(({ errorCode }) => errorCode), [0]);
    const batch = new RecordBatch(topic, 0, new ArenaPool(0));
    const key = encodeProgressKey(test.identity);
    const bytes = new Uint8Array([...key, ...encodeProgressValue(progress)]);
    batch.append({ bytes, keyEnd: key.length, valueEnd: bytes.length, headers: NO_HEADERS }, 0);
    const records = batch.finish({ ...producer, baseSequence: 0, isTransactional: true }, null);
    const settings = { api: produce, transactionalId, acks: -1 } as const;
    await produceToLeaders(cluster, directory, [{ topic, partition: 0, records }], settings, FOREVER);
    return producer;
  });
}

/** Aborts what `leaveHalfSent` left. */
export async function abortHalfSent(
  test: SinkBed,
  transactionalId: string,
  producer: TransactionalIdentity,
): Promise<void> {
  await inOtherClient(test, async (cluster) => {
    const coordinator = await cluster.connectTo(producer.coordinator, FOREVER);
    const { producerId, producerEpoch } = producer;
    const request = { transactionalId, producerId, producerEpoch, committed: false };
    const { errorCode } = await coordinator.request(endTxn, request, FOREVER);
    assert.equal(errorCode, 0);
  });
}

async function inOtherClient<Result>(
  test: SinkBed,
  act: (cluster: Cluster, directory: TopicDirectory) => Promise<Result>,
): Promise<Result> {
  const cluster = new Cluster(test.options.brokers, {
    clientId: "other",
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 25_000,
    security: test.options.security,
  });
  try {
    return await act(cluster, new TopicDirectory(cluster));
  } finally {
    cluster.close();
  }
}

const started = new Map<string, Promise<string>>();
