// Reads topics as a consumer of another make does: kafkajs, read-committed, every partition from its beginning.

import type { Admin, Consumer, Kafka } from "kafkajs";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { delay } from "../../dev/servers/server_process.ts";

/** A record as it was read. */
export interface TopicRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

/** What to read, and until when. */
export interface ReadOptions {
  /** `host:port`, comma-separated. */
  readonly brokers: string;
  /** These topics; one that is not there (yet) is empty. */
  readonly topics?: readonly string[];
  /** Every topic `PREFIX.…`, but for pg-capture's own `PREFIX.pg-capture.…`. */
  readonly prefix?: string;
  /**
   * Wait for that many records, then read on to the end: more than that are returned where there are more. Without
   * it, all that is committed at the time of the call.
   */
  readonly untilCount?: number;
  /** With `untilCount`: return what there is when nothing has come for so long; 20,000 when not given. */
  readonly idleMs?: number;
  /** Keeps less of each value, where all of them are too much to hold; a record's own when not given. */
  readonly shorten?: (value: string) => string;
  /** Throw after this time; 300,000 when not given. */
  readonly timeoutMs?: number;
}

/**
 * Reads all records, each partition's in its order.
 *
 * The end of a partition is its last stable offset: records of a transaction that is still open are not waited for.
 * @throws Error when the brokers can't be reached, or the ends are not reached in time
 */
export async function readTopics(options: ReadOptions): Promise<readonly TopicRecord[]> {
  const kafka = kafkaClient(options.brokers);
  const admin = kafka.admin();
  const reader = new Reader(kafka, options.shorten ?? ((value) => value));
  await admin.connect();
  try {
    await readAll(admin, reader, options);
    return reader.records.toSorted((a, b) =>
      a.topic !== b.topic
        ? (a.topic < b.topic ? -1 : 1)
        : a.partition !== b.partition
        ? a.partition - b.partition
        : a.offset - b.offset
    );
  } finally {
    await Promise.all([reader.close(), admin.disconnect()]);
  }
}

const POLL_MS = 20;
const TOPICS_POLL_MS = 200;

async function readAll(admin: Admin, reader: Reader, options: ReadOptions): Promise<void> {
  const { untilCount = 0, idleMs = 20_000, timeoutMs = 300_000 } = options;
  const deadline = Date.now() + timeoutMs;
  while (true) {
    await reader.add(await topicsToRead(admin, options));
    const pollAgain = Date.now() + TOPICS_POLL_MS;
    while (reader.records.length < untilCount && Date.now() < pollAgain) await delay(POLL_MS);
    if (reader.records.length >= untilCount || Date.now() - reader.lastRecordMs > idleMs) break;
    if (Date.now() > deadline) throw tooLong(reader, timeoutMs);
  }
  const topics = await topicsToRead(admin, options);
  await reader.add(topics);
  const ends = await stableEnds(admin, topics);
  while (!reader.isAt(ends)) {
    if (Date.now() > deadline) throw tooLong(reader, timeoutMs);
    await delay(POLL_MS);
  }
}

function tooLong(reader: Reader, timeoutMs: number): Error {
  return new Error(
    `Cannot read the topics to their ends in ${timeoutMs} ms: ${reader.records.length} records so far`,
  );
}

async function topicsToRead(admin: Admin, { topics, prefix }: ReadOptions): Promise<readonly string[]> {
  const all = await admin.listTopics();
  return all.filter((topic) =>
    topics !== undefined && topics.includes(topic) ||
    prefix !== undefined && topic.startsWith(`${prefix}.`) && !topic.startsWith(`${prefix}.pg-capture.`)
  );
}

/** By `topic/partition`. kafkajs asks for offsets read-committed: what it calls high is the last stable offset. */
async function stableEnds(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>();
  for (const topic of topics) {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      if (Number(high) > Number(low)) ends.set(`${topic}/${partition}`, Number(high));
    }
  }
  return ends;
}

/** Consumers side by side, one for each set of topics that appeared together. */
class Reader {
  readonly records: TopicRecord[] = [];
  lastRecordMs = Date.now();
  readonly #kafka: Kafka;
  readonly #shorten: (value: string) => string;
  readonly #topics = new Set<string>();
  readonly #consumers: Consumer[] = [];
  /** By `topic/partition`, the offset after the last one seen, control records included. */
  readonly #positions = new Map<string, number>();

  constructor(kafka: Kafka, shorten: (value: string) => string) {
    this.#kafka = kafka;
    this.#shorten = shorten;
  }

  /** Starts to read those of the topics that are not being read yet. */
  async add(topics: readonly string[]): Promise<void> {
    const fresh = topics.filter((topic) => !this.#topics.has(topic));
    if (fresh.length === 0) return;
    for (const topic of fresh) this.#topics.add(topic);
    const consumer = this.#kafka.consumer({
      groupId: `pg-capture-tests-${crypto.randomUUID()}`,
      readUncommitted: false,
      maxWaitTimeInMs: 100,
      maxBytesPerPartition: 8 * 1024 * 1024,
    });
    this.#consumers.push(consumer);
    // Tells of batches, too, in which a read-committed consumer sees nothing: aborted ones, and the markers of a
    // transaction's end.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      this.#positions.set(`${topic}/${partition}`, Number(lastOffset) + 1);
    });
    await consumer.connect();
    await consumer.subscribe({ topics: fresh, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        this.lastRecordMs = Date.now();
        for (const { offset, key, value, timestamp } of batch.messages) {
          this.records.push({
            topic: batch.topic,
            partition: batch.partition,
            offset: Number(offset),
            key: key?.toString() ?? null,
            value: value === null ? null : this.#shorten(value.toString()),
            timestampMs: Number(timestamp),
          });
        }
        return Promise.resolve();
      },
    });
  }

  isAt(ends: ReadonlyMap<string, number>): boolean {
    return [...ends].every(([partition, end]) => (this.#positions.get(partition) ?? 0) >= end);
  }

  async close(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.disconnect()));
  }
}
