// `pg-capture snapshot` as a person runs it. The instance that it talks to is a sink of the test's own.

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import type { SourceIdentity } from "../../src/core/position.ts";
import type { SnapshotNotes } from "../../src/core/snapshot_state.ts";
import type { Sink } from "../../src/pipeline/ports.ts";
import { createKafkaSink } from "../../src/sink/kafka_sink.ts";
import { PLAINTEXT } from "../../src/sink/wire/security.ts";
import { startCapture } from "../support/capture.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";
import { snapshotState } from "../support/snapshot_states.ts";

const FOREVER = new AbortController().signal;

Deno.test("before the first snapshot there is nothing to list, and no topic is created", async () => {
  await using bed = await bedWithTables();
  deepStrictEqual(await run(bed, ["snapshot", "--list"]), {
    code: 0,
    stdout: "no snapshots yet\n",
    stderr: "",
  });
  strictEqual((await run(bed, ["snapshot", "--list", "--json"])).stdout, "[]\n");
  doesNotMatch((await run(bed, ["status"])).stdout, /snapshots/);
  const { snapshots } = JSON.parse((await run(bed, ["status", "--json"])).stdout);
  deepStrictEqual(snapshots, {
    running: 0,
    queued: 0,
    paused: 0,
    failed: 0,
    stopped: 0,
    complete: 0,
    tables: [],
  });
  const admin = kafkaClient(bed.brokers).admin();
  await admin.connect();
  const topics = await admin.listTopics();
  await admin.disconnect();
  deepStrictEqual(topics.filter((topic) => topic.startsWith(bed.topicPrefix)), []);
});

Deno.test("requests are sent within 2 s, and reach whoever captures this slot", async () => {
  await using bed = await bedWithTables();
  const startedAt = performance.now();
  const started = await run(bed, ["snapshot", "public.users", "sales.*", "--where", "id > 7"]);
  ok(performance.now() - startedAt < 3_000, "with the start of the process");
  strictEqual(started.code, 0, started.stderr);
  const [, id] =
    /^Requested snapshot (s-\d{8}T\d{6}Z-[0-9a-f]{4}) of public\.users, sales\.\* \(3 tables\)\n/.exec(
      started.stdout,
    ) ?? [];
  ok(id, started.stdout);
  match(
    started.stdout,
    /pg-capture is not running: .* It takes the request when it starts, within 24 hours\n$/,
  );
  const paused = await run(bed, ["snapshot", "--pause"]);
  match(paused.stdout, /^Requested to pause all snapshots\n/);
  match(
    (await run(bed, ["snapshot", "--stop", "public.*"])).stdout,
    /^Requested to stop the snapshots of public\.\*\n/,
  );

  await using instance = await openInstance(bed);
  const requests = await instance.sink.readRequests(null, FOREVER);
  deepStrictEqual(requests.map(({ request }) => request), [
    { kind: "start", id, tables: ["public.users", "sales.*"], where: "id > 7" },
    { kind: "pause", tables: [] },
    { kind: "stop", tables: ["public.*"] },
  ]);
});

Deno.test("what can't be requested is refused before anything is sent", async () => {
  await using bed = await bedWithTables();
  const cases: readonly (readonly [args: readonly string[], code: number, line: RegExp])[] = [
    [["users"], 2, /error Cannot request a snapshot: "users" is not a table name fix: write schema\.table/],
    [
      ["public.users", "public.user"],
      3,
      /snapshot of public\.user: publication "pub_\w+" has no such table fix: /,
    ],
    [["--pause", "public.user"], 3, /public\.user: publication/],
    [["public.users", "--where", "x".repeat(20_000)], 2, /has 20000 characters, at most 10000/],
  ];
  for (const [args, code, line] of cases) {
    const refused = await run(bed, ["snapshot", ...args]);
    strictEqual(refused.code, code, refused.stderr);
    match(refused.stderr, line);
    strictEqual(refused.stderr.split("\n").length, 1, refused.stderr);
  }
  await using instance = await openInstance(bed);
  deepStrictEqual(await instance.sink.readRequests(null, FOREVER), []);
});

Deno.test("--wait shows progress until all tables are complete", async () => {
  await using bed = await bedWithTables();
  await using instance = await openInstance(bed);
  await using waiting = await startCapture({ env: bed.env, args: ["snapshot", "sales.*", "--wait"] });
  const id = await instance.takeRequest();
  const [a, b] = ["a", "b"].map((table) => ({
    ...snapshotState(table, { id, rowsExpected: 100 }),
    schema: "sales",
  }));
  await instance.write({ states: [a!, b!], requestsTaken: 1n });
  await waiting.waitForLog(/^0 of 2 tables, 20 of about 200 rows \(10 %\), \d+ rows\/s/);
  await instance.write({ states: [{ ...a!, status: "complete", rows: 1_000 }], requestsTaken: null });
  await waiting.waitForLog(/^1 of 2 tables, 1,010 of about 1,100 rows \(91 %\), [\d,]+ rows\/s, \d+ s left$/);
  await instance.write({ states: [{ ...b!, status: "complete", rows: 1_000 }], requestsTaken: null });
  strictEqual((await waiting.waitForExit()).code, 0);
  match(waiting.stdout, /\nComplete: 2,000 rows of 2 tables in \d+ s\n$/);
});

Deno.test("--wait ends with 3 and the reason if a snapshot fails", async () => {
  await using bed = await bedWithTables();
  await using instance = await openInstance(bed);
  await using waiting = await startCapture({ env: bed.env, args: ["snapshot", "public.users", "--wait"] });
  const id = await instance.takeRequest();
  const failed = snapshotState("users", { id, status: "failed", reason: "permission denied" });
  await instance.write({ states: [failed], requestsTaken: 1n });
  strictEqual((await waiting.waitForExit()).code, 3);
  strictEqual(waiting.log.at(-1), "The snapshot of public.users failed after 10 rows: permission denied");
});

Deno.test("Ctrl-C ends the wait and not the snapshot; a request that is not taken is told", async () => {
  await using bed = await bedWithTables();
  await using waiting = await startCapture({ env: bed.env, args: ["snapshot", "public.users", "--wait"] });
  await waiting.waitForLog("pg-capture has not picked up the request yet");
  waiting.signal("SIGINT");
  strictEqual((await waiting.waitForExit()).code, 130);
  match(waiting.log.at(-1) ?? "", /^The snapshot goes on; pg-capture snapshot --list shows it$/);
});

Deno.test("list, status and check show snapshots, and teardown --progress removes them", async () => {
  await using bed = await bedWithTables();
  {
    await using instance = await openInstance(bed);
    const states = [
      snapshotState("users"),
      snapshotState("gone", { status: "failed", reason: "it was dropped" }),
    ];
    await instance.write({ states, requestsTaken: 1n });
  }
  const listed = (await run(bed, ["snapshot", "--list"])).stdout.split("\n");
  match(listed[1]!, /^public\.gone +failed +10 +100 +10 % +s-1 +2026-11-25T00:30:16Z +it was dropped$/);
  match(listed[2]!, /^public\.users +running +10 +100 +10 % +s-1 +2026-11-25T00:30:16Z$/);
  const json = JSON.parse((await run(bed, ["snapshot", "--list", "--json"])).stdout);
  deepStrictEqual(json.map(({ table, percent }: { table: string; percent: number }) => [table, percent]), [
    ["gone", 10],
    ["users", 10],
  ]);
  const status = await run(bed, ["status"]);
  match(
    status.stdout,
    /^snapshots +1 running, 1 failed\n +public\.gone failed: it was dropped\n +public\.users: 10 of about 100 rows \(10 %\)$/m,
  );
  const { snapshots } = JSON.parse((await run(bed, ["status", "--json"])).stdout);
  deepStrictEqual([snapshots.running, snapshots.failed, snapshots.tables.length], [1, 1, 2]);
  match((await run(bed, ["check"])).stdout, /^ok +Snapshots: 1 running, 1 failed$/m);
  // The table is gone; its snapshot can be stopped nevertheless.
  strictEqual((await run(bed, ["snapshot", "--stop", "public.gone"])).code, 0);

  const teardown = ["teardown", "--progress"];
  match((await run(bed, teardown)).stdout, /progress record .* and the states of its snapshots from topic/);
  strictEqual((await run(bed, [...teardown, "--yes"])).code, 0);
  strictEqual((await run(bed, ["snapshot", "--list"])).stdout, "no snapshots yet\n");
});

Deno.test("check asks for the topics about snapshots where they are configured", async () => {
  await using bed = await bedWithTables();
  for (
    const [mode, topics, reading] of [["never", 4, "progress"], [
      "initial",
      6,
      "progress and snapshots",
    ]] as const
  ) {
    const { stdout } = await run({ ...bed, env: { ...bed.env, SNAPSHOT_MODE: mode } }, ["check"]);
    match(stdout, new RegExp(`Kafka: new topics: ${topics} will be created`), mode);
    match(stdout, new RegExp(`Kafka: rights: create and write topics, read ${reading}: allowed\n`));
  }
});

async function bedWithTables(): Promise<TestBed> {
  const bed = await createTestBed();
  await bed.sql.exec(`CREATE TABLE users (id int PRIMARY KEY); CREATE SCHEMA sales;
                      CREATE TABLE sales.a (id int PRIMARY KEY); CREATE TABLE sales.b (id int PRIMARY KEY)`);
  return bed;
}

async function run(bed: Pick<TestBed, "env">, args: readonly string[]) {
  await using command = await startCapture({ env: bed.env, args });
  const { code } = await command.waitForExit();
  return { code, stdout: command.stdout, stderr: command.log.join("\n") };
}

interface Instance extends AsyncDisposable {
  readonly sink: Sink;
  write(notes: SnapshotNotes): Promise<void>;
  /** Waits for the first request. @returns its id */
  takeRequest(): Promise<string>;
}

/** What an instance does in Kafka, without a stream. */
async function openInstance(bed: TestBed): Promise<Instance> {
  const identity: SourceIdentity = {
    systemIdentifier: await bed.sql.value("SELECT system_identifier FROM pg_control_system()") ?? "",
    database: bed.postgres.database,
    slot: bed.slot,
  };
  const [host = "", port] = bed.brokers.split(":");
  const sink = createKafkaSink({
    brokers: [{ host, port: Number(port) }],
    security: PLAINTEXT,
    prefix: bed.topicPrefix,
    delivery: "exactly-once",
    compression: "none",
    acks: "all",
    maxMessageBytes: 1_000_000,
    batchBytesMax: 1_000_000,
    clientId: "test",
    identity,
    wallClock: Date.now,
  });
  await sink.open(FOREVER);
  const position = { commitLsn: 1n, seq: 0, commitTimeMs: 0, endLsn: 1n };
  const progress = { identity, timeline: 1, publication: bed.publication, position };
  return {
    sink,
    write: (notes) => sink.write(sink.createBatch(), progress, FOREVER, notes),
    async takeRequest() {
      for (let tries = 0; tries < 400; tries++) {
        const [received] = await sink.readRequests(null, FOREVER);
        if (received?.request?.kind === "start") return received.request.id;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error("no request came within 20 s");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(sink.close()),
  };
}
