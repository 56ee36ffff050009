// check, status, teardown and tail as a person runs them, against real servers.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { startKafka } from "../../dev/servers/kafka.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

interface Found {
  readonly check: string;
  readonly outcome: string;
  readonly found: string;
  readonly fix?: string;
}

Deno.test("check finds everything in order before the first start, and changes nothing", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const { code, findings } = await check(bed);
  strictEqual(code, 0);
  deepStrictEqual(findings.filter(({ outcome }) => outcome === "failure"), []);
  strictEqual(found(findings, "PostgreSQL: publication"), `"${bed.publication}" has 1 table`);
  match(found(findings, "PostgreSQL: slot"), /does not exist yet: run creates it/);
  match(found(findings, "Positions"), /first start/);
  const slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1";
  strictEqual(await bed.sql.value(slots, [bed.slot]), "0");
  deepStrictEqual(await topicsOf(bed), []);
  deepStrictEqual([...Deno.readDirSync(bed.folder)], []);
});

Deno.test("check changes nothing in a cluster that has seen no transaction: not even the brokers' own topics", async () => {
  await using kafka = await startKafka();
  await using bed = await createTestBed();
  const { findings } = await check(bed, { KAFKA_BROKERS: kafka.bootstrap });
  strictEqual(found(findings, "Kafka: transactions"), "allowed to last 60 s");
  const admin = kafkaClient(kafka.bootstrap).admin();
  await admin.connect();
  deepStrictEqual(await admin.listTopics(), []);
  await admin.disconnect();
});

Deno.test("check names the tables whose updates fail, with the SQL that fixes it", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec('CREATE TABLE "odd""name" (id int)');
  const { code, findings } = await check(bed);
  strictEqual(code, 0);
  const identity = findings.find((each) => each.check === "PostgreSQL: replica identities");
  strictEqual(identity?.outcome, "warning");
  match(identity?.fix ?? "", /^ALTER TABLE "public"."odd""name" REPLICA IDENTITY FULL;/);
  await bed.sql.exec((identity?.fix ?? "").split("  (")[0] ?? "");
  strictEqual(
    found((await check(bed)).findings, "PostgreSQL: replica identities"),
    "every table has one",
  );
});

Deno.test("check ends with 3 when something fails, each failure with its fix", async () => {
  await using bed = await createTestBed({ publish: false });
  const { code, findings } = await check(bed, { KAFKA_BROKERS: "127.0.0.1:1" });
  strictEqual(code, 3);
  const failures = findings.filter(({ outcome }) => outcome === "failure");
  deepStrictEqual(failures.map((each) => each.check), [
    "PostgreSQL: publication",
    "Kafka: broker 127.0.0.1:1",
    "Positions",
  ]);
  match(failures[0]?.fix ?? "", /^CREATE PUBLICATION/);
  ok(failures[1]?.fix !== undefined);
});

Deno.test("PG_HOST may be the folder of a Unix socket", async () => {
  await using bed = await createTestBed();
  const folder = (await bed.sql.value("SHOW unix_socket_directories") ?? "").split(",")[0] ?? "";
  ok(folder.startsWith("/"));
  const { findings } = await check(bed, { PG_HOST: folder });
  match(found(findings, "PostgreSQL: connection"), /^\//);
  strictEqual(found(findings, "PostgreSQL: TLS"), "not encrypted (local connection)");
});

Deno.test("status shows slot, progress and checkpoint side by side; while it runs and after", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO item SELECT generate_series(1, 10)");
  await waitUntilConfirmed(bed, capture);
  const running = JSON.parse((await runCommand(bed, ["status", "--json"])).stdout);
  ok(running.postgres.slot.activePid > 0);
  await capture.terminate();
  const stopped = JSON.parse((await runCommand(bed, ["status", "--json"])).stdout);
  const { slot } = stopped.postgres;
  strictEqual(slot.activePid, null);
  strictEqual(stopped.kafka.progress, slot.confirmed);
  strictEqual(stopped.checkpoint.position, slot.confirmed);
  const people = (await runCommand(bed, ["status"])).stdout;
  match(people, new RegExp(`^slot +${bed.slot}, not in use$`, "m"));
  match(people, new RegExp(`^Kafka +${slot.confirmed}$`, "m"));
});

Deno.test("teardown says what it would do; with --yes nothing is left, and a start is a first one", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  const held = await runCommand(bed, ["teardown", "--yes"]);
  strictEqual(held.code, 3);
  match(held.stderr, /Cannot drop slot ".*": PostgreSQL process \d+ is using it/);
  await capture.terminate();

  const all = ["teardown", "--publication", "--progress"];
  const asked = await runCommand(bed, all);
  strictEqual(asked.code, 0);
  match(asked.stdout, /^would do: drop slot/);
  match(asked.stdout, /^Nothing was changed\. Add --yes to do it/m);
  strictEqual((await check(bed)).code, 0);

  const done = await runCommand(bed, [...all, "--yes"]);
  strictEqual(done.code, 0, done.stderr);
  strictEqual(done.stdout.match(/^done: /gm)?.length, 4);
  const count =
    "SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1) + (SELECT count(*) FROM pg_publication)";
  strictEqual(await bed.sql.value(count, [bed.slot]), "0");
  await bed.sql.exec(`CREATE PUBLICATION ${bed.publication} FOR ALL TABLES`);
  await using again = await startCapture({ env: bed.env });
  match(await again.waitForLog("Streaming"), /from="new slot"/);
});

Deno.test("tail prints changes as lines of JSON, without Kafka, and leaves nothing", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY, note text)");
  const { KAFKA_BROKERS: _, ...env } = bed.env;
  await using tail = await startCapture({ env, args: ["tail"] });
  const active =
    "SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND active AND confirmed_flush_lsn IS NOT NULL";
  await until(async () => await bed.sql.value(active) === "1");
  // The slot is there a moment before it streams.
  await bed.sql.exec("INSERT INTO item VALUES (1, 'a\nb'); UPDATE item SET note = 'c'; DELETE FROM item");
  await until(() => Promise.resolve(tail.stdout.split("\n").length > 3));
  const lines = tail.stdout.trim().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(lines.map(({ op }) => op), ["INSERT", "UPDATE", "DELETE"]);
  deepStrictEqual(lines[0].after, { id: 1, note: "a\nb" });
  tail.signal("SIGINT");
  strictEqual((await tail.waitForExit()).code, 0);
  const slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
  await until(async () => await bed.sql.value(slots) === "0");
  deepStrictEqual(await topicsOf(bed), []);
});

async function check(bed: TestBed, env: Readonly<Record<string, string>> = {}) {
  const { code, stdout } = await runCommand(bed, ["check", "--json"], env);
  return { code, findings: (JSON.parse(stdout) as { readonly findings: readonly Found[] }).findings };
}

function found(findings: readonly Found[], check: string): string {
  return findings.find((each) => each.check.startsWith(check))?.found ?? "";
}

async function runCommand(bed: TestBed, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  await using command: CaptureProcess = await startCapture({ env: { ...bed.env, ...env }, args });
  const { code } = await command.waitForExit();
  return { code, stdout: command.stdout, stderr: command.log.join("\n") };
}

async function topicsOf(bed: TestBed): Promise<readonly string[]> {
  const admin = kafkaClient(bed.brokers).admin();
  await admin.connect();
  try {
    return (await admin.listTopics()).filter((topic) => topic.startsWith(`${bed.topicPrefix}.`));
  } finally {
    await admin.disconnect();
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !await condition(); tries++) {
    if (tries > 200) throw new Error("it did not happen within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
