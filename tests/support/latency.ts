// How long changes take, measured from outside: a consumer that polls without a pause notes when it sees each.

import { kafkaClient } from "../../dev/servers/kafka_client.ts";

/** A read-committed consumer of one topic. Disposing of it ends it. */
export interface Watcher extends AsyncDisposable {
  /** For each record since the start, from its commit to the moment it was seen, in milliseconds. */
  readonly latenciesMs: readonly number[];
}

/** Reads the topic from its end, and is at that end when it returns. */
export async function watchTopic(brokers: string, topic: string): Promise<Watcher> {
  const latenciesMs: number[] = [];
  const consumer = kafkaClient(brokers).consumer({
    groupId: crypto.randomUUID(),
    readUncommitted: false,
    maxWaitTimeInMs: 500,
    minBytes: 1,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: false });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH_START, () => resolve()));
  await consumer.run({
    eachBatch: ({ batch }) => {
      const seenAt = Date.now();
      for (const { value } of batch.messages) {
        latenciesMs.push(seenAt - JSON.parse(value!.toString()).source.ts_ms);
      }
      return Promise.resolve();
    },
  });
  await joined;
  return {
    latenciesMs,
    [Symbol.asyncDispose]: () => consumer.disconnect(),
  };
}
