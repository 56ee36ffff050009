// `pg-capture snapshot` against a pg-capture that runs.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics, type TopicRecord } from "../support/consumer.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const ROWS = 20_000;

Deno.test("a table is sent on request, with changes beside it, and the wait ends when all of it is there", async () => {
  await using bed = await bedWithRows();
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  const waited = run(bed, ["snapshot", "public.users", "--wait"]);
  for (let id = 1; id <= 50; id++) await bed.sql.exec(`UPDATE users SET name = 'changed' WHERE id = ${id}`);
  const { code, stderr } = await waited;
  strictEqual(code, 0, stderr);
  const records = await recordsOf(bed, "users");
  const envelopes = records.map(({ value }) => JSON.parse(value!));
  const reads = envelopes.filter(({ op }) => op === "READ");
  // A row that was changed while its chunk was read comes as its change alone.
  ok(reads.length >= ROWS - 50 && reads.length <= ROWS, `${reads.length}`);
  match(reads[0].source.snapshot, /^s-/);
  strictEqual(new Set(envelopes.map(({ after }) => after.id)).size, ROWS);
  strictEqual((await recordsOf(bed, "orders")).length, 0, "no other table");
});

Deno.test("only rows that meet the condition are sent; a condition that is none is refused", async () => {
  await using bed = await bedWithRows();
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  strictEqual((await run(bed, ["snapshot", "public.users", "--where", "id % 1000 = 7", "--wait"])).code, 0);
  const ids = (await recordsOf(bed, "users"))
    .map(({ value }) => JSON.parse(value!).after.id);
  deepStrictEqual(ids.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n * 1000 + 7));
  const refused: readonly (readonly [where: string, reason: RegExp])[] = [
    ["true; DROP TABLE users", /semicolon/],
    ["nothing = 7", /column "nothing" does not exist|can't be read/],
    ["1 / (id - id) = 1", /22012/],
    ["pg_drop_replication_slot('x') IS NULL", /"pg_drop_replication_slot", which is volatile/],
  ];
  for (const [where, reason] of refused) {
    const { code, stdout, stderr } = await run(bed, ["snapshot", "public.users", "--where", where, "--wait"]);
    strictEqual(code, 3, where);
    match(stdout + stderr, reason);
  }
  strictEqual(await bed.sql.value("SELECT count(*) FROM users"), String(ROWS));
});

Deno.test("a snapshot is paused, resumed and stopped; asked for twice, it comes once", async () => {
  await using bed = await bedWithRows();
  const env = { ...bed.env, SNAPSHOT_ROWS_PER_SECOND: "4000" };
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  await run(bed, ["snapshot", "public.users", "public.orders"]);
  await run(bed, ["snapshot", "public.users"]);
  await until(bed, ({ users }) => users?.status === "running" && users.rows > 0);
  await run(bed, ["snapshot", "--pause"]);
  const paused = await until(bed, ({ users }) => users?.status === "paused");
  await delay(1_500);
  deepStrictEqual((await list(bed)).users?.rows, paused.users?.rows);
  await run(bed, ["snapshot", "--stop", "public.orders"]);
  await until(bed, ({ orders }) => orders?.status === "stopped");
  await run(bed, ["snapshot", "--resume"]);
  await until(bed, ({ users }) => users?.status === "complete");
  const users = await recordsOf(bed, "users");
  strictEqual(users.length, ROWS);
  strictEqual(new Set(users.map(({ key }) => key)).size, ROWS);
  const orders = await recordsOf(bed, "orders");
  ok(orders.length < ROWS, `${orders.length}`);
});

Deno.test("a request that was made while nothing ran is taken at the start", async () => {
  await using bed = await bedWithRows();
  {
    await using capture = await startCapture({ env: bed.env });
    await capture.waitForLog("Streaming");
    strictEqual((await capture.terminate()).code, 0);
  }
  strictEqual((await run(bed, ["snapshot", "public.orders"])).code, 0);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  await until(bed, ({ orders }) => orders?.status === "complete");
  strictEqual(
    (await recordsOf(bed, "orders")).length,
    ROWS,
  );
});

async function bedWithRows(): Promise<TestBed> {
  const bed = await createTestBed();
  await bed.sql.exec(`
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, ${ROWS}) n;
    INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, ${ROWS}) n`);
  return bed;
}

async function recordsOf(bed: TestBed, table: string): Promise<readonly TopicRecord[]> {
  const records = await readTopics({ brokers: bed.brokers, prefix: `${bed.topicPrefix}.public` });
  return records.filter(({ topic }) => topic.endsWith(`.${table}`));
}

interface Listed {
  readonly table: string;
  readonly status: string;
  readonly rows: number;
}

async function list(bed: TestBed): Promise<Readonly<Record<string, Listed | undefined>>> {
  const listed: readonly Listed[] = JSON.parse((await run(bed, ["snapshot", "--list", "--json"])).stdout);
  return Object.fromEntries(listed.map((each) => [each.table, each]));
}

async function until(
  bed: TestBed,
  isTrue: (listed: Readonly<Record<string, Listed | undefined>>) => boolean,
): Promise<Readonly<Record<string, Listed | undefined>>> {
  const deadline = Date.now() + 40_000;
  for (;;) {
    const listed = await list(bed);
    if (isTrue(listed)) return listed;
    if (Date.now() > deadline) throw new Error(`it did not come to that: ${JSON.stringify(listed)}`);
    await delay(100);
  }
}

async function run(bed: TestBed, args: readonly string[]) {
  await using command = await startCapture({ env: bed.env, args });
  const { code } = await command.waitForExit(60_000);
  return { code, stdout: command.stdout, stderr: command.log.join("\n") };
}
