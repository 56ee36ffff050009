// What Kafka does to a capture: it crashes, lacks replicas, loses topics, takes no large record, stays away.

import { ok, strictEqual } from "node:assert";
import kafkajs, { type Admin } from "kafkajs";
import { startKafka } from "../../dev/servers/kafka.ts";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import {
  assertExactlyOnce,
  createFaultBed,
  type FaultBed,
  startStreaming,
  waitForCommits,
} from "../support/fault_bed.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { type Interception, KafkaApi } from "../support/proxy.ts";
import { forgetDecoded } from "../support/second_slot.ts";
import { quickTest, slowTest } from "../support/speed.ts";
import { Writers } from "../support/writer.ts";

slowTest(
  "a broker killed three times and bounced three times under writers loses and repeats nothing",
  async () => {
    await using bed = await createFaultBed({ kafka: {} });
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 2, 31).start();
    for (const end of ["kill", "stop", "kill", "stop", "kill", "stop"] as const) {
      await waitForCommits(bed, capture, 3);
      await bed.kafkaServer[end]();
      await delay(500);
      await bed.kafkaServer.start();
    }
    await waitForCommits(bed, capture);
    await assertExactlyOnce(bed, capture, writers);
  },
);

slowTest("a frozen broker is awaited, and nothing is lost or repeated when it wakes", async () => {
  await using bed = await createFaultBed({ kafka: {} });
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 32).start();
  await waitForCommits(bed, capture);
  await bed.kafkaServer.freeze();
  await delay(3_000);
  bed.kafkaServer.thaw();
  await waitForCommits(bed, capture);
  await assertExactlyOnce(bed, capture, writers);
});

quickTest(
  "with too few in-sync replicas it waits, the slot stays, and it goes on when there are enough",
  async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
    await waitForCommits(bed, capture, 1);
    const start = await bed.sql.value("SELECT pg_current_wal_insert_lsn()");
    // A broker takes fewer replicas than min.insync.replicas for enough where the topic has no more: it is made to lie.
    const lying = answerProduce(bed, "entry", NOT_ENOUGH_REPLICAS);
    await bed.sql.exec("INSERT INTO entry (account, note) VALUES (1, 'b')");
    await capture.waitForLog("NOT_ENOUGH_REPLICAS");
    await delay(1_500);
    strictEqual(
      await bed.sql.value("SELECT confirmed_flush_lsn <= $1 FROM pg_replication_slots WHERE slot_name = $2", [
        start,
        bed.slot,
      ]),
      "t",
    );
    lying.release();
    await assertExactlyOnce(bed, capture);
  },
);

slowTest(
  "with a replica that is down and min.insync.replicas 2 it waits, the slot stays, and it goes on when it is back",
  async () => {
    const properties = { "min.insync.replicas": 2 };
    await using bed = await createFaultBed({ kafka: { properties } });
    await using second = await startKafka({ joins: bed.kafkaServer, properties });
    await using capture = await startStreaming(bed, { KAFKA_TOPIC_REPLICATION_FACTOR: "2" });
    await bed.sql.exec("INSERT INTO account VALUES (1, 'two replicas', 0)");
    await waitUntilConfirmed(bed, capture);
    await second.kill();
    const start = await bed.sql.value("SELECT pg_current_wal_insert_lsn()");
    await bed.sql.exec("INSERT INTO account VALUES (2, 'one replica', 0)");
    await capture.waitForLog(/retry_in_ms/, { timeoutMs: 60_000 });
    await delay(10_000);
    const isHeld = "SELECT confirmed_flush_lsn <= $1 FROM pg_replication_slots WHERE slot_name = $2";
    strictEqual(await bed.sql.value(isHeld, [start, bed.slot]), "t");
    ok(capture.running);
    await second.start();
    await assertExactlyOnce(bed, capture, undefined, 90_000);
  },
);

slowTest(
  "whatever passing error a broker answers to records or to a commit, nothing is lost or repeated",
  async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed);
    await using writers = new Writers(bed.postgres, 1, 33).start();
    await waitForCommits(bed, capture);
    for (const code of PASSING_PRODUCE_ERRORS) {
      const lying = answerProduce(bed, "account", code);
      await lying.caught;
      lying.release();
      await waitForCommits(bed, capture);
    }
    for (const code of PASSING_COMMIT_ERRORS) {
      // Response header version 1: correlation id, no tags; then the throttle time.
      const edit = (frame: Uint8Array) => setInt16(frame, 4 + 4 + 1 + 4, code);
      const lying = bed.toKafka.intercept({ api: KafkaApi.EndTxn, side: "response", action: "edit", edit });
      await lying.caught;
      lying.release();
      await waitForCommits(bed, capture);
    }
    await assertExactlyOnce(bed, capture, writers);
  },
);

quickTest(
  "a record that the topic does not take stops it: nothing of its transaction is half sent",
  async () => {
    await using bed = await createFaultBed();
    await using admin = await kafkaAdmin(bed.brokers);
    const topic = `${bed.topicPrefix}.public.entry`;
    await makeTopic(admin, topic, "max.message.bytes", "20000");
    await using capture = await startStreaming(bed);
    await bed.sql.exec(`BEGIN; INSERT INTO account VALUES (1, 'a', 0);
    INSERT INTO entry (account, note) SELECT 1, string_agg(md5(g::text), '') FROM generate_series(1, 4000) g;
    INSERT INTO account VALUES (2, 'a', 0); COMMIT`);
    strictEqual((await capture.waitForExit()).code, 3);
    const line = capture.log.find((text) => text.includes("error")) ?? "";
    ok(line.includes(topic) && line.includes("max.message.bytes"), line);
    await alterTopic(admin, topic, "max.message.bytes", "1048576");
    await using second = await startStreaming(bed);
    await assertExactlyOnce(bed, second);
  },
);

quickTest(
  "a row above KAFKA_MAX_MESSAGE_BYTES stops it; the line names the table, the limit, and the key by its hash",
  async () => {
    await using bed = await createFaultBed();
    await using capture = await startStreaming(bed, { KAFKA_MAX_MESSAGE_BYTES: "20000" });
    await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
    await bed.sql.exec(
      "INSERT INTO entry (account, note) SELECT 1, string_agg(md5(g::text), '') FROM generate_series(1, 4000) g",
    );
    strictEqual((await capture.waitForExit()).code, 3);
    const line = capture.log.find((text) => text.includes("error")) ?? "";
    ok([`"entry"`, "key sha256:", "20000"].every((part) => line.includes(part)), line);
    ok(!line.includes(`{"id":1}`), line);
    await using second = await startStreaming(bed);
    await assertExactlyOnce(bed, second);
  },
);

quickTest("a topic deleted while running is told of, and no change after it is skipped", async () => {
  await using bed = await createFaultBed();
  await using admin = await kafkaAdmin(bed.brokers);
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO entry (account, note) VALUES (1, 'goes with the topic')");
  await waitForCommits(bed, capture, 1);
  const topic = `${bed.topicPrefix}.public.entry`;
  await bed.sql.exec("DELETE FROM entry");
  await waitForCommits(bed, capture, 1);
  await admin.client.deleteTopics({ topics: [topic] });
  await forgetDecoded(bed.sql, bed.slot);
  await delay(500);
  await bed.sql.exec("INSERT INTO entry (account, note) SELECT g, 'after' FROM generate_series(1, 5) g");
  await capture.waitForLog(topic);
  await assertExactlyOnce(bed, capture);
});

quickTest("the progress topic deleted while it runs is a refusal, with nothing sent after it", async () => {
  await using bed = await createFaultBed();
  await using admin = await kafkaAdmin(bed.brokers);
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
  await waitUntilConfirmed(bed, capture);
  await admin.client.deleteTopics({ topics: [`${bed.topicPrefix}.pg-capture.progress`] });
  await delay(500);
  await bed.sql.exec("INSERT INTO account VALUES (2, 'a', 0)");
  strictEqual((await capture.waitForExit()).code, 3);
  const line = capture.log.find((text) => text.includes(" error ")) ?? "";
  ok(line.includes("progress topic was deleted") && line.includes("fix:"), line);
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  strictEqual(records.length, 1);
});

slowTest("while Kafka is away memory stays bounded and PostgreSQL stays connected", async () => {
  await using bed = await createFaultBed();
  await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET wal_sender_timeout = '6s'`);
  await using capture = await startStreaming(bed);
  await using writers = new Writers(bed.postgres, 2, 34).start();
  await waitForCommits(bed, capture);
  await bed.toKafka.refuse();
  bed.toKafka.reset();
  await delay(10_000);
  const pid = await walSender(bed);
  const before = residentMb(capture.pid);
  await delay(50_000);
  strictEqual(await walSender(bed), pid, "the slot was let go of");
  const after = residentMb(capture.pid);
  ok(after < before + 20 && after < 128, `${before} MB, then ${after} MB`);
  await bed.toKafka.accept();
  await waitForCommits(bed, capture);
  await assertExactlyOnce(bed, capture, writers);
});

slowTest("a right that is missing is named, with the topic and the command that gives it", async () => {
  await using bed = await createFaultBed({
    kafka: {
      properties: {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": true,
      },
    },
  });
  await using admin = await kafkaAdmin(bed.brokers);
  const topic = `${bed.topicPrefix}.public.account`;
  await makeTopic(admin, topic, "max.message.bytes", "1048576");
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const rule = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: "User:ANONYMOUS",
    host: "*",
    permissionType: AclPermissionTypes.ALLOW,
  };
  // An allowed operation takes all others away from everybody.
  await admin.client.createAcls({ acl: [{ ...rule, operation: AclOperationTypes.READ }] });
  await using capture = await startStreaming(bed);
  await bed.sql.exec("INSERT INTO account VALUES (1, 'a', 0)");
  strictEqual((await capture.waitForExit()).code, 3);
  const line = capture.log.find((text) => text.includes("error")) ?? "";
  ok(line.includes(topic) && line.includes("--operation Write"), line);
  await admin.client.createAcls({ acl: [{ ...rule, operation: AclOperationTypes.WRITE }] });
  await using second = await startCapture({ env: bed.env });
  await assertExactlyOnce(bed, second);
});

slowTest("a restart with the same transactional id on an old broker goes on where it was", async () => {
  await using bed = await createFaultBed({ kafka: { version: "3.9.1" } });
  await using writers = new Writers(bed.postgres, 2, 35);
  for (const end of ["kill", "terminate", "kill"] as const) {
    await using capture = await startStreaming(bed);
    writers.start();
    await waitForCommits(bed, capture, 5);
    await capture[end]();
  }
  await using capture = await startStreaming(bed);
  await assertExactlyOnce(bed, capture, writers);
});

// Kafka protocol guide, "Error Codes".
const NOT_ENOUGH_REPLICAS = 19;
const PASSING_PRODUCE_ERRORS = [6, 7, NOT_ENOUGH_REPLICAS, 20, 45, 47, 48, 51, 56, 90];
const PASSING_COMMIT_ERRORS = [14, 15, 16, 47, 48, 49, 51, 90];

/** From now on the broker's answer for the table's topic is this error, whatever it did. */
function answerProduce(bed: FaultBed, table: string, code: number): Interception {
  const topic = new TextEncoder().encode(`${bed.topicPrefix}.public.${table}`);
  const edit = (frame: Uint8Array) => {
    for (let at = 0; at + topic.length + 7 <= frame.length; at++) {
      // The name is followed by the number of partitions in one byte, the partition in four, and its error.
      if (topic.every((byte, index) => frame[at + index] === byte)) {
        setInt16(frame, at + topic.length + 5, code);
      }
    }
  };
  return bed.toKafka.intercept({ api: KafkaApi.Produce, side: "response", action: "edit", edit });
}

function setInt16(frame: Uint8Array, at: number, value: number): void {
  new DataView(frame.buffer, frame.byteOffset).setInt16(at, value);
}

interface OpenAdmin extends AsyncDisposable {
  readonly client: Admin;
}

async function kafkaAdmin(brokers: string): Promise<OpenAdmin> {
  const client = kafkaClient(brokers).admin();
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.disconnect() };
}

async function makeTopic({ client }: OpenAdmin, topic: string, name: string, value: string): Promise<void> {
  await client.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries: [{ name, value }] }],
  });
}

async function alterTopic({ client }: OpenAdmin, topic: string, name: string, value: string): Promise<void> {
  await client.alterConfigs({
    validateOnly: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }],
  });
}

async function walSender(bed: FaultBed): Promise<string | null> {
  return await bed.sql.value("SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1", [bed.slot]);
}

/** Resident memory, from /proc. */
function residentMb(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
