// The demo's consumer, which has nothing to do with pg-capture: kafkajs, read-committed.

import { kafkaClient } from "../servers/kafka_client.ts";
import { delay } from "../servers/server_process.ts";

/** A record's key and value, as text. */
export type OnRecord = (key: string | null, value: string | null) => void;

/** A consumer that is reading. */
export interface Reader extends AsyncDisposable {
  /** When it began: what was committed earlier has waited for it. */
  readonly readyMs: number;
}

const POLL_MS = 100;

/** Waits for the topics, then reads them from their beginnings. Undefined when `signal` comes first. */
export async function startReader(
  brokers: string,
  topics: readonly string[],
  onRecord: OnRecord,
  signal: AbortSignal,
): Promise<Reader | undefined> {
  const kafka = kafkaClient(brokers);
  const admin = kafka.admin();
  await admin.connect();
  try {
    while (!await areThere(topics, () => admin.listTopics())) {
      if (signal.aborted) return undefined;
      await delay(POLL_MS, signal);
    }
  } finally {
    await admin.disconnect();
  }
  const consumer = kafka.consumer({
    groupId: `pg-capture-demo-${crypto.randomUUID()}`,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
  });
  const started = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => started.resolve());
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: ({ message: { key, value } }) => {
      onRecord(key?.toString() ?? null, value?.toString() ?? null);
      return Promise.resolve();
    },
  });
  await started.promise;
  return { readyMs: Date.now(), [Symbol.asyncDispose]: () => consumer.disconnect() };
}

/** Deletes every topic `PREFIX.…`. */
export async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}.`));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}

async function areThere(topics: readonly string[], list: () => Promise<readonly string[]>): Promise<boolean> {
  const all = new Set(await list());
  return topics.every((topic) => all.has(topic));
}
