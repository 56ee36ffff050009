// The servers of dev/: they start, keep their data over a crash, answer to nobody while frozen, and leave nothing.

import { match, ok, rejects, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { startKafka } from "../../dev/servers/kafka.ts";
import { type PostgresAddress, startPostgres } from "../../dev/servers/postgres.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type Sql, sql } from "../../dev/servers/psql.ts";

Deno.test("PostgreSQL keeps its rows over a stop and a kill, and is gone with its folder in the end", async () => {
  let pid: number;
  let dataDir: string;
  {
    await using server = await startPostgres();
    ({ dataDir } = server);
    await withSql(server, async (connection) => {
      strictEqual(await connection.value("SHOW wal_level"), "logical");
      strictEqual(await connection.value("SHOW server_encoding"), "UTF8");
      await connection.exec("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
    });
    await rejects(sql({ ...server, host: server.host, password: "wrong" }), /password authentication failed/);
    await server.stop();
    await server.start();
    await server.kill();
    await server.start();
    pid = server.pid;
    await using connection = await sql(server);
    strictEqual(await connection.value("SELECT id FROM kept"), "1");
  }
  strictEqual(await isRunning(pid), false);
  strictEqual(await isThere(dataDir), false);
});

Deno.test("a copy of PostgreSQL's data takes its place, with the rows of the time of the copy", async () => {
  await using server = await startPostgres();
  const { port, password } = server;
  await withSql(
    server,
    (connection) => connection.exec("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)"),
  );
  await server.stop();
  const dataDir = await server.copyData();
  await server.start();
  await withSql(server, (connection) => connection.exec("INSERT INTO kept VALUES (2)"));
  await server.stop("immediate");
  await using restored = await startPostgres({
    dataDir,
    port,
    password,
    settings: { wal_sender_timeout: "6s" },
  });
  await using connection = await sql(restored);
  strictEqual(await connection.value("SELECT count(*) FROM kept"), "1");
  strictEqual(await connection.value("SHOW wal_sender_timeout"), "6s");
});

Deno.test("a frozen PostgreSQL does not answer until it is thawed", async () => {
  await using server = await startPostgres();
  await using connection = await sql(server);
  await server.freeze();
  const answer = connection.value("SELECT 1");
  strictEqual(await Promise.race([answer, delay(300).then(() => "silence")]), "silence");
  server.thaw();
  strictEqual(await answer, "1");
});

Deno.test("Kafka keeps its topics over a stop and a kill, and is gone with its folder in the end", async () => {
  let pid: number;
  let dataDir: string;
  {
    await using server = await startKafka();
    ({ dataDir } = server);
    const admin = kafkaClient(server.bootstrap).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "kept", numPartitions: 3 }] });
    await admin.disconnect();
    await server.stop();
    await server.start();
    await server.kill();
    await server.start();
    pid = server.pid;
    await admin.connect();
    strictEqual((await admin.fetchTopicOffsets("kept")).length, 3);
    await admin.disconnect();
  }
  strictEqual(await isRunning(pid), false);
  strictEqual(await isThere(dataDir), false);
});

Deno.test("servers end, and their folders go, when the program that started them is killed", async () => {
  const program = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", path("deno.json"), PROGRAM],
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const line = await firstLine(program.stdout);
  match(line, /^\d+ \d+ \//, "it says the pids and a folder");
  const [postgres = 0, kafka = 0] = line.split(" ").map(Number);
  const folder = line.slice(line.indexOf("/"));
  ok(await isRunning(postgres) && await isRunning(kafka) && await isThere(folder));
  program.kill("SIGKILL");
  await program.status;
  const deadline = Date.now() + 15_000;
  while (await isRunning(postgres) || await isRunning(kafka) || await isThere(folder)) {
    ok(Date.now() < deadline, "servers or folders are left after 15 s");
    await delay(50);
  }
});

const PROGRAM = `
  const { startPostgres } = await import("${new URL("../../dev/servers/postgres.ts", import.meta.url)}");
  const { startKafka } = await import("${new URL("../../dev/servers/kafka.ts", import.meta.url)}");
  const [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
  Deno.stdout.writeSync(new TextEncoder().encode(\`\${postgres.pid} \${kafka.pid} \${postgres.dataDir}\\n\`));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
`;

async function withSql(server: PostgresAddress, work: (connection: Sql) => Promise<void>): Promise<void> {
  await using connection = await sql(server);
  await work(connection);
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text.slice(0, text.indexOf("\n"));
}

function path(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** Whether there is such a process, a zombie not counted. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      `kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && echo yes`,
      "sh",
      String(pid),
    ],
  }).output();
  return stdout.length > 0;
}

async function isThere(folder: string): Promise<boolean> {
  return await Deno.stat(folder).then(() => true, () => false);
}
