// A cluster of three brokers that loses one, moves leaders, or gets more partitions, while changes are delivered.

import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert";
import type { Admin } from "kafkajs";
import { type CaptureProcess, startCapture } from "../../dev/servers/capture_process.ts";
import { startKafkaCluster } from "../../dev/servers/kafka_cluster.ts";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { Cluster } from "../../src/sink/cluster.ts";
import { KafkaInspection } from "../../src/sink/inspection.ts";
import { initProducerId } from "../../src/sink/producer_id.ts";
import { PLAINTEXT } from "../../src/sink/wire/security.ts";
import type { HostPort } from "../../src/core/address.ts";
import { readTopics } from "../support/consumer.ts";
import { assertExactlyOnce } from "../support/fault_bed.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { sample, scrape } from "../support/scrape.ts";
import { createTestBed, sharedServers, type TestBed } from "../support/servers.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

for (
  const [role, end, resumesMsMax] of [
    ["a table's leader", "kill", 1_000],
    ["the transaction coordinator", "kill", 1_000],
    ["the controller", "kill", 1_000],
    // Without it, the time limit of a request counts: 9 s more.
    ["the transaction coordinator", "freeze", 3_000],
  ] as const
) {
  slowTest(
    `after a ${end} of ${role} of three brokers, deliveries resume within ${
      resumesMsMax / 1000
    } s of the election`,
    async () => {
      await using kafka = await startKafkaCluster(3);
      await using bed = await bedOn(kafka.bootstrap);
      await using capture = await startMeasured(bed, { KAFKA_TOPIC_REPLICATION_FACTOR: "3" });
      await using load = new Trickle(bed);
      await delay(3_000);
      const victim = await withAdmin(kafka.bootstrap, async (admin) => {
        const topics = [tableTopic(bed), TRANSACTION_STATE];
        const [table, coordinator] = (await admin.fetchTopicMetadata({ topics })).topics;
        if (role === "the controller") return (await admin.describeCluster()).controller ?? 0;
        return (role === "a table's leader" ? table : coordinator)?.partitions[0]?.leader ?? 0;
      });
      const others = kafka.brokers.filter(({ node }) => node.id !== victim).map((broker) => broker.bootstrap);
      await kafka.broker(victim)[end]();
      const electedAt = await waitForElection(others, [tableTopic(bed), progressTopic(bed)], victim);
      const resumedAt = await capture.waitForDelivery();
      ok(resumedAt - electedAt < resumesMsMax, `${resumedAt - electedAt} ms after the election`);
      await load.stop();
      await assertExactlyOnce({ ...bed, brokers: others.join(",") }, capture.process);
    },
  );
}

slowTest(
  "leaders that move to other brokers, none of them failing, hold delivery up for less than 3 s",
  async () => {
    await using kafka = await startKafkaCluster(3);
    await using bed = await bedOn(kafka.bootstrap);
    await using capture = await startMeasured(bed, { KAFKA_TOPIC_REPLICATION_FACTOR: "3" });
    await using load = new Trickle(bed);
    await delay(3_000);
    const pausesMs: number[] = [];
    await withAdmin(kafka.bootstrap, async (admin) => {
      for (let round = 0; round < 3; round++) {
        const topic = tableTopic(bed);
        const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
        const leader = found?.partitions[0]?.leader;
        const replicas = kafka.brokers.map(({ node }) => node.id).filter((id) => id !== leader);
        capture.forgetPauses();
        await admin.alterPartitionReassignments({
          topics: [{ topic, partitionAssignment: [{ partition: 0, replicas }] }],
        });
        await delay(5_000);
        const [moved] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
        notStrictEqual(moved?.partitions[0]?.leader, leader, "the leader did not move");
        pausesMs.push(Math.round(capture.longestPauseMs));
      }
    });
    ok(Math.max(...pausesMs) < 3_000, `pauses of ${pausesMs.join(", ")} ms`);
    await load.stop();
    await assertExactlyOnce(bed, capture.process);
  },
);

slowTest("check reads the settings of each of three brokers", async () => {
  await using kafka = await startKafkaCluster(3);
  const signal = AbortSignal.timeout(30_000);
  for (const { bootstrap } of kafka.brokers) {
    using inspection = new KafkaInspection(addressesOf([bootstrap]), PLAINTEXT);
    for (const { node } of kafka.brokers) {
      const request = { resource: "broker", name: String(node.id), settings: ["node.id"] } as const;
      const settings = await inspection.settings(request, signal);
      strictEqual(settings?.get("node.id"), String(node.id));
    }
  }
});

slowTest("brokers shut down and started in turn lose and repeat nothing", async () => {
  await using kafka = await startKafkaCluster(3);
  await using bed = await bedOn(kafka.bootstrap);
  await using capture = await startMeasured(bed, { KAFKA_TOPIC_REPLICATION_FACTOR: "3" });
  await using writers = new Writers(bed.postgres, 2, 61).start();
  for (const broker of kafka.brokers) {
    await broker.stop();
    await capture.waitForDelivery();
    await broker.start();
    await delay(2_000);
  }
  await assertExactlyOnce(bed, capture.process, writers);
});

slowTest("partitions added while it runs are used within a minute, kill -9 in between or not", async () => {
  const servers = await sharedServers();
  await using bed = await createTestBed({ servers, secondSlot: true });
  await createWriterTables(bed.sql);
  await using first = await startMeasured(bed);
  await using writers = new Writers(bed.postgres, 2, 62).start();
  await first.waitForDelivery();
  const topic = tableTopic(bed);
  await withAdmin(bed.brokers, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    await waitForRecords(admin, topic, 2, 60_000);
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    await first.process.kill();
    await using second = await startMeasured(bed);
    await waitForRecords(admin, topic, 4, 60_000);
    await writers.stop();
    await waitUntilConfirmed(bed, second.process);
    await assertDelivered(bed, WRITER_TABLES, { partitionsAdded: true });
  });
});

quickTest(
  "partitions added while it is down are used from its next start on, and nothing is repeated",
  async () => {
    const servers = await sharedServers();
    await using bed = await createTestBed({ servers, secondSlot: true });
    await createWriterTables(bed.sql);
    const insert = (first: number) =>
      bed.sql.exec(`INSERT INTO account SELECT g, 'a', 0 FROM generate_series(${first}, ${first + 99}) g`);
    await using first = await startMeasured(bed);
    await insert(1);
    await first.waitForDelivery();
    await first.process.kill();
    const topic = tableTopic(bed);
    await withAdmin(
      bed.brokers,
      (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] }),
    );
    await using second = await startMeasured(bed);
    await insert(101);
    await assertExactlyOnce(bed, second.process);
    const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
    deepStrictEqual(
      new Set(records.map(({ partition }) => partition)),
      new Set([0, 1, 2, 3]),
    );
  },
);

const TRANSACTION_STATE = "__transaction_state";

function tableTopic({ topicPrefix }: TestBed): string {
  return `${topicPrefix}.public.account`;
}

function progressTopic({ topicPrefix }: TestBed): string {
  return `${topicPrefix}.pg-capture.progress`;
}

async function bedOn(brokers: string): Promise<TestBed> {
  const { postgres } = await sharedServers();
  const bed = await createTestBed({ servers: { postgres, brokers }, secondSlot: true });
  await createWriterTables(bed.sql);
  return bed;
}

async function withAdmin<Result>(brokers: string, work: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Waits until the cluster names other leaders, and the coordinator works for another transactional id. */
async function waitForElection(
  brokers: readonly string[],
  topics: readonly string[],
  victim: number,
): Promise<number> {
  const cluster = new Cluster(addressesOf(brokers), {
    clientId: "test",
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 5_000,
    security: PLAINTEXT,
  });
  const limit = AbortSignal.timeout(60_000);
  try {
    for (;; await delay(20)) {
      const found = await cluster.metadata(topics, limit);
      const leaders = found.flatMap(({ partitions }) => partitions.map(({ leaderId }) => leaderId));
      if (leaders.every((leader) => leader >= 0 && leader !== victim)) break;
    }
    while (!await initProducerId(cluster, "probe", 10_000, limit).catch(() => null)) await delay(20);
    return performance.now();
  } finally {
    cluster.close();
  }
}

function addressesOf(brokers: readonly string[]): HostPort[] {
  return brokers.map((broker) => ({ host: "127.0.0.1", port: Number(broker.split(":")[1]) }));
}

async function waitForRecords(admin: Admin, topic: string, partition: number, ms: number): Promise<void> {
  const deadline = Date.now() + ms;
  for (;;) {
    let failure: unknown;
    try {
      const offsets = await admin.fetchTopicOffsets(topic);
      if (Number(offsets.find((each) => each.partition === partition)?.high ?? 0) > 0) return;
    } catch (error) {
      // A partition that was just added may have no leader yet.
      failure = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`nothing in partition ${partition} of ${topic} after ${ms} ms`, { cause: failure });
    }
    await delay(250);
  }
}

/** A row every 20 ms, so that a pause in delivery is one of the capture's. */
class Trickle implements AsyncDisposable {
  readonly #ended = new AbortController();
  readonly #writing: Promise<void>;

  constructor(bed: TestBed) {
    this.#writing = this.#write(bed);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#writing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #write(bed: TestBed): Promise<void> {
    for (let id = 1; !this.#ended.signal.aborted; id++) {
      await bed.sql.exec(`INSERT INTO account VALUES (${id}, 'a', 0)`);
      await delay(20);
    }
  }
}

/** A capture and what its metrics say of deliveries. */
class Measured implements AsyncDisposable {
  readonly process: CaptureProcess;
  readonly #port: number;
  readonly #ended = new AbortController();
  readonly #watching: Promise<void>;
  #records = 0;
  #longestPauseMs = 0;
  #deliveredAt = performance.now();

  constructor(process: CaptureProcess, port: number) {
    this.process = process;
    this.#port = port;
    this.#watching = this.#watch();
  }

  /** The longest time without a delivery, one that lasts still counted in. */
  get longestPauseMs(): number {
    return Math.max(this.#longestPauseMs, performance.now() - this.#deliveredAt);
  }

  forgetPauses(): void {
    this.#longestPauseMs = 0;
  }

  /** When it delivered something that it had not when this was called. */
  async waitForDelivery(): Promise<number> {
    const before = this.#records;
    for (const deadline = performance.now() + 60_000; this.#records === before;) {
      if (performance.now() > deadline) {
        throw new Error(`no delivery\n${this.process.log.slice(-15).join("\n")}`);
      }
      await delay(5);
    }
    return this.#deliveredAt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#watching;
    await this.process[Symbol.asyncDispose]();
  }

  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const found = await scrape(this.#port).catch(() => null);
      const records = found === null ? this.#records : sample(found, "pg_capture_delivered_records_total");
      if (records !== this.#records) {
        const now = performance.now();
        this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#deliveredAt);
        this.#records = records;
        this.#deliveredAt = now;
      }
      await delay(10);
    }
  }
}

async function startMeasured(bed: TestBed, env: Readonly<Record<string, string>> = {}): Promise<Measured> {
  const port = freePort();
  const process = await startCapture({ env: { ...bed.env, ...env, METRICS_PORT: String(port) } });
  await process.waitForLog("Streaming");
  return new Measured(process, port);
}
