// The rights of SECURITY.md, on a broker with an authorizer: sufficient together, and each necessary.

import { strict as assert } from "node:assert";
import type { Admin } from "kafkajs";
import { type KafkaServer, startKafka } from "../../dev/servers/kafka.ts";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { startCapture } from "../support/capture.ts";
import { type Rule, rulesIn, setRules } from "../support/kafka_acls.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { makeScramUser } from "../support/scram_user.ts";
import { createSecuredBed } from "../support/secured_kafka.ts";
import type { TestBed } from "../support/servers.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../../SECURITY.md", import.meta.url));
const [, SECTION = ""] = /## Kafka: least privileges\n([^]*?)\n## /.exec(DOCUMENT) ?? [];
const [, SNAPSHOTS = ""] = /## Snapshots: who may ask\n([^]*?)\n## /.exec(DOCUMENT) ?? [];

Deno.test("the rights in SECURITY.md are enough for run with both deliveries, check, status and teardown", async () => {
  await using test = await createAclBed();
  await setRules(test.admin, needed(test.bed));
  await test.bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE later (id int PRIMARY KEY)");
  const before = await test.command(["check"]);
  assert.equal(before.code, 0, before.stdout);
  assert.match(before.stdout, /^ok +Kafka: rights: create and write topics, read progress: allowed$/m);
  assert.deepEqual(await topicsOf(test), [], "check has made something");

  await test.capture("exactly-once", 10);
  const running = await test.command(["check"]);
  assert.equal(running.code, 0, running.stdout);
  assert.match(
    running.stdout,
    /no permission to read the settings of the topics.*\n.*--operation DescribeConfigs --topic/,
  );
  await test.capture("at-least-once", 10);
  assert.equal(await assertDelivered(test.bed, ["public.item"]), 20);

  assert.match((await test.command(["status"])).stdout, /^Kafka +[0-9A-F]+\/[0-9A-F]+$/m);
  const removed = await test.command(["teardown", "--progress", "--yes"]);
  assert.equal(removed.code, 0, removed.log);
});

Deno.test("with the further rights in SECURITY.md check sees the settings, too", async () => {
  await using test = await createAclBed();
  await setRules(test.admin, [...needed(test.bed), ...further(test.bed)]);
  await test.bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE later (id int PRIMARY KEY)");
  await test.capture("exactly-once", 1);
  const { stdout } = await test.command(["check"]);
  assert.doesNotMatch(stdout, /no permission to read/);
  assert.match(stdout, /1 replica/);
  assert.match(stdout, /Kafka: new topics/);
});

const NEEDED = ["Create on topic", "Read on topic", "Write on topic", "Write on transactional-id"];

Deno.test("without any one of the rights run ends with 3 and a line that names it, and check names it, too", async () => {
  await using test = await createAclBed();
  await test.bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const rules = needed(test.bed);
  assert.deepEqual(
    rules.map(({ operation, resource }) => `${operation} on ${resource}`).sort(),
    NEEDED,
  );
  for (const rule of rules) {
    const what = `${rule.operation} on ${rule.resource}`;
    await setRules(test.admin, rules.filter((each) => each !== rule));
    // Topics that are there need no Create: those that this round needs are not.
    await deleteTopics(test);
    const check = await test.command(["check"]);
    assert.equal(check.code, 3, `${what}\n${check.stdout}`);
    assert.match(check.stdout, new RegExp(`^FAILURE +Kafka: rights: not allowed: .*${what} "`, "m"));
    const command = new RegExp(
      `fix: kafka-acls.sh .*--allow-principal "User:pg-capture" .*--operation ${rule.operation}`,
    );
    assert.match(check.stdout, command);

    await using run = await startCapture({ env: test.env });
    const { code } = await run.waitForExit();
    assert.equal(code, 3, `${what}\n${run.log.join("\n")}`);
    const errors = run.log.filter((line) => / error /.test(line));
    assert.equal(errors.length, 1, run.log.join("\n"));
    const line = new RegExp(
      `Cannot deliver to Kafka: not allowed: .*${what} ".*fix: .*--operation ${rule.operation} --${rule.resource} "`,
    );
    assert.match(errors[0] ?? "", line);
    const slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1";
    assert.equal(
      await test.bed.sql.value(slots, [test.bed.slot]),
      "0",
      "no slot is created before Kafka is in order",
    );
  }
});

Deno.test("rights that are taken away while it runs end it with 3, nothing lost", async () => {
  await using test = await createAclBed();
  await test.bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const rules = needed(test.bed);
  await setRules(test.admin, rules);
  await using capture = await startCapture({ env: test.env });
  await capture.waitForLog("Streaming");
  await test.bed.sql.exec("INSERT INTO item SELECT generate_series(1, 10)");
  await waitUntilConfirmed(test.bed, capture);
  await setRules(
    test.admin,
    rules.filter(({ operation, resource }) => !(operation === "Write" && resource === "topic")),
  );
  await test.bed.sql.exec("INSERT INTO item SELECT generate_series(11, 20)");
  assert.equal((await capture.waitForExit()).code, 3);
  assert.match(
    capture.log.at(-1) ?? "",
    /Cannot write to topic ".*TOPIC_AUTHORIZATION_FAILED.*--operation Write --topic "/,
  );

  await setRules(test.admin, rules);
  await using again = await startCapture({ env: test.env });
  await again.waitForLog("Streaming");
  await waitUntilConfirmed(test.bed, again);
  assert.equal(await assertDelivered(test.bed, ["public.item"]), 20);
});

Deno.test("with two rights more snapshots are sent and requested, and each of them is needed", async () => {
  await using test = await createAclBed();
  const rules = [...needed(test.bed), ...named(rulesIn(SNAPSHOTS), test.bed)];
  const added = rules.slice(needed(test.bed).length);
  assert.deepEqual(
    added.map(({ operation, name }) => `${operation} ${name.slice(test.bed.topicPrefix.length)}`),
    ["Read .pg-capture.snapshots", "Read .pg-capture.control"],
  );
  await test.bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (-1)");
  const env = { ...test.env, SNAPSHOT_MODE: "initial" };
  for (const rule of added) {
    await setRules(test.admin, rules.filter((each) => each !== rule));
    const line = new RegExp(`not allowed: Read on topic "${rule.name}".*fix: .*--operation Read --topic "`);
    await using run = await startCapture({ env });
    assert.equal((await run.waitForExit()).code, 3);
    assert.match(run.log.join("\n"), line);
    const requested = await test.command(["snapshot", "public.item"]);
    assert.equal(requested.code, 3);
    assert.match(requested.log, line);
  }
  await setRules(test.admin, rules);
  await using capture = await startCapture({ env });
  await capture.waitForLog("Snapshot complete");
  const requested = await test.command(["snapshot", "public.item", "--wait"]);
  assert.equal(requested.code, 0, requested.log);
  assert.equal((await capture.terminate()).code, 0);
});

/** The commands that run needs, for this bed's names. */
function needed(bed: TestBed): readonly Rule[] {
  return named(rulesIn(SECTION).filter(({ operation }) => operation !== "DescribeConfigs"), bed);
}

function further(bed: TestBed): readonly Rule[] {
  return named(rulesIn(SECTION).filter(({ operation }) => operation === "DescribeConfigs"), bed);
}

function named(rules: readonly Rule[], { topicPrefix }: TestBed): readonly Rule[] {
  return rules.map((rule) => ({ ...rule, name: rule.name.replace(/^cdc\./, `${topicPrefix}.`) }));
}

interface AclBed extends AsyncDisposable {
  readonly bed: TestBed;
  readonly admin: Admin;
  readonly env: Readonly<Record<string, string>>;
  command(
    args: readonly string[],
  ): Promise<{ readonly code: number; readonly stdout: string; readonly log: string }>;
  /** Runs until so many new rows are delivered. */
  capture(delivery: string, rows: number): Promise<void>;
}

let started: Promise<KafkaServer> | undefined;

async function createAclBed(): Promise<AclBed> {
  const kafka = await (started ??= startAuthorizingKafka());
  const bed = await createSecuredBed(kafka, "SASL_PLAINTEXT");
  const admin = kafkaClient(kafka.bootstrap).admin();
  await admin.connect();
  const env = {
    ...bed.env,
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-256",
    KAFKA_SASL_USERNAME: "pg-capture",
    KAFKA_SASL_PASSWORD: "secret",
  };
  let id = 0;
  return {
    bed,
    admin,
    env,
    async command(args) {
      await using command = await startCapture({ env, args });
      const { code } = await command.waitForExit();
      return { code, stdout: command.stdout, log: command.log.join("\n") };
    },
    async capture(delivery, rows) {
      await using capture = await startCapture({ env: { ...env, KAFKA_DELIVERY: delivery } });
      await capture.waitForLog("Streaming");
      for (let row = 0; row < rows; row++) await bed.sql.exec(`INSERT INTO item VALUES (${id++})`);
      await waitUntilConfirmed(bed, capture);
      assert.equal((await capture.terminate()).code, 0);
    },
    async [Symbol.asyncDispose]() {
      await admin.disconnect();
      await bed[Symbol.asyncDispose]();
    },
  };
}

async function startAuthorizingKafka(): Promise<KafkaServer> {
  const kafka = await startKafka({
    security: { listeners: { SASL_PLAINTEXT: { protocol: "SASL_PLAINTEXT" } } },
    properties: {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      // The listeners without a login are for the broker itself and for the test.
      "super.users": "User:ANONYMOUS",
    },
  });
  await makeScramUser(kafka.bootstrap, {
    name: "pg-capture",
    password: "secret",
    mechanism: "SCRAM-SHA-256",
  });
  return kafka;
}

async function topicsOf({ admin, bed }: AclBed): Promise<readonly string[]> {
  return (await admin.listTopics()).filter((topic) => topic.startsWith(`${bed.topicPrefix}.`));
}

async function deleteTopics(test: AclBed): Promise<void> {
  const topics = await topicsOf(test);
  if (topics.length > 0) await test.admin.deleteTopics({ topics: [...topics] });
}
