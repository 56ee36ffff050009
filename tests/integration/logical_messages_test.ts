// Logical messages are opt-in: a role that may do nothing but log in sends some, and is heard only where PG_MESSAGES says so.

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { sql } from "../../dev/servers/psql.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

/** Above KAFKA_MAX_MESSAGE_BYTES, and so pg-capture would stop. */
const LARGE = "repeat('a', 2000000)";

Deno.test("by default nobody's messages are captured, however large, and rows keep coming", async () => {
  await using bed = await createTestBed();
  await using stranger = await createStranger(bed);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await emitAround(bed, stranger);
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await topicsOf(bed), { "public.item": ["INSERT", "INSERT"] });
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
});

Deno.test("with a prefix, only messages of that prefix are captured", async () => {
  await using bed = await createTestBed();
  await using stranger = await createStranger(bed);
  await using capture = await startCapture({ env: { ...bed.env, PG_MESSAGES: "orders, audit" } });
  await capture.waitForLog("Streaming");
  await emitAround(bed, stranger);
  await bed.sql.exec(
    "SELECT pg_logical_emit_message(true, 'audit', 'a'), pg_logical_emit_message(false, 'orders', 'b')",
  );
  await waitUntilConfirmed(bed, capture);
  deepStrictEqual(await topicsOf(bed), {
    "public.item": ["INSERT", "INSERT"],
    "message": ["MESSAGE", "MESSAGE"],
  });
  strictEqual((await capture.terminate()).code, 0);
});

Deno.test("tail prints messages of the prefixes in PG_MESSAGES only", async () => {
  await using bed = await createTestBed();
  const env = { ...bed.env, PG_MESSAGES: "audit" };
  await using tail = await startCapture({ env, args: ["tail"] });
  const isActive = `SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND active
                    AND confirmed_flush_lsn IS NOT NULL`;
  while (await bed.sql.value(isActive) !== "1") await delay(50);
  await bed.sql.exec("SELECT pg_logical_emit_message(true, 'other', 'a')");
  await bed.sql.exec("SELECT pg_logical_emit_message(true, 'audit', 'b')");
  while (!tail.stdout.endsWith("\n")) await delay(50);
  match(tail.stdout, /"prefix":"audit"/);
  ok(!tail.stdout.includes('"prefix":"other"'));
});

Deno.test("SECURITY.md's command takes both overloads away from everybody but the owner", async () => {
  await using bed = await createTestBed();
  await using stranger = await createStranger(bed);
  const document = await Deno.readTextFile(new URL("../../SECURITY.md", import.meta.url));
  const [, section = ""] = /\n## Logical messages\n([^]*?)\n## /.exec(document) ?? [];
  const [, command = ""] = /```sql\n([^]*?)```/.exec(section) ?? [];
  await bed.sql.exec(`CREATE ROLE ${stranger.owner}`);
  await bed.sql.exec(command.replaceAll("shop_owner", stranger.owner));
  for (const content of ["'text'", "'bytes'::bytea"]) {
    await rejects(
      stranger.exec(`SELECT pg_logical_emit_message(false, 'x', ${content})`),
      /permission denied for function pg_logical_emit_message/,
    );
    await bed.sql.exec(
      `SET ROLE ${stranger.owner}; SELECT pg_logical_emit_message(false, 'x', ${content}); RESET ROLE`,
    );
  }
});

interface Stranger extends AsyncDisposable {
  /** The name of a role that may be created. */
  readonly owner: string;
  exec(text: string): Promise<void>;
}

/** A role with LOGIN and nothing else, and a table of somebody else's. */
async function createStranger(bed: TestBed): Promise<Stranger> {
  const id = crypto.randomUUID().slice(0, 8);
  const [role, owner] = [`stranger_${id}`, `owner_${id}`];
  await bed.sql.exec(
    `CREATE TABLE item (id int PRIMARY KEY); CREATE ROLE ${role} LOGIN PASSWORD 'change-me'`,
  );
  const session = await sql({ ...bed.postgres, user: role, password: "change-me" });
  return {
    owner,
    exec: (text) => session.exec(text),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      for (const name of [role, owner]) {
        const exists = await bed.sql.value(`SELECT count(*) FROM pg_roles WHERE rolname = '${name}'`) === "1";
        if (exists) await bed.sql.exec(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
      }
    },
  };
}

/** A row, messages of the stranger's of each kind, another row. */
async function emitAround(bed: TestBed, stranger: Stranger): Promise<void> {
  await bed.sql.exec("INSERT INTO item VALUES (1)");
  for (const transactional of [true, false]) {
    await stranger.exec(`SELECT pg_logical_emit_message(${transactional}, 'x', ${LARGE})`);
    await stranger.exec(`SELECT pg_logical_emit_message(${transactional}, 'x', 'small')`);
  }
  await bed.sql.exec("INSERT INTO item VALUES (2)");
}

/** The operations of the records in each topic of the test's. */
async function topicsOf(bed: TestBed): Promise<Readonly<Record<string, readonly string[]>>> {
  const records = await readTopics({ brokers: bed.brokers, prefix: bed.topicPrefix });
  const found: Record<string, string[]> = {};
  for (const { topic, value } of records) {
    const name = topic.slice(bed.topicPrefix.length + 1);
    if (name !== "pg-capture.progress") (found[name] ??= []).push(JSON.parse(value!).op);
  }
  return found;
}
