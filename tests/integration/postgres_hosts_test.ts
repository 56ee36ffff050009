// Several hosts in PG_HOST, passwords from .pgpass, and Unix sockets.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { freePort } from "../../dev/servers/ports.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import { startCapture } from "../support/capture.ts";
import { startFakePostgres } from "../support/fake_postgres.ts";
import { createTestBed, sharedServers } from "../support/servers.ts";
import { optionsOf } from "../support/tls_bed.ts";

const { postgres } = await sharedServers();
const NEVER = 1;

Deno.test("the first host that can be reached and takes writes is chosen", async () => {
  await using readOnly = await startPostgres({
    password: postgres.password,
    settings: { default_transaction_read_only: "on" },
  });
  const chosen = (ports: readonly number[]) => portOf(ports);
  strictEqual(await chosen([NEVER, postgres.port]), postgres.port);
  strictEqual(await chosen([readOnly.port, NEVER, postgres.port]), postgres.port);
  strictEqual(await chosen([postgres.port, readOnly.port]), postgres.port);
  // The only one is taken as it is: so it was before there could be several.
  strictEqual(await chosen([readOnly.port]), readOnly.port);
  const none = await chosen([readOnly.port, NEVER]);
  ok(none instanceof CaptureError);
  strictEqual(none.kind, "postgres-unavailable");
  match(
    none.message,
    /^Cannot find a writable PostgreSQL server: 127.*: it is read-only; 127\.0\.0\.1:1: connection refused$/,
  );
  const standbys = await chosen([readOnly.port, readOnly.port]);
  ok(standbys instanceof CaptureError);
  match(standbys.fix ?? "", /promote one of them/);
});

Deno.test("a host that answers no ends the search, as in libpq; one that is silent or shuts down does not", async () => {
  await using other = await startPostgres();
  const refused = await portOf([other.port, postgres.port]);
  ok(refused instanceof CaptureError);
  strictEqual(refused.kind, "postgres-refused");
  await using silent = startFakePostgres(async (session) => {
    while ((await session.read()).length > 0);
  });
  strictEqual(await portOf([silent.port, postgres.port]), postgres.port);
});

Deno.test("no host that can be reached is awaited, and found when it comes", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const port = freePort();
  const env = { ...bed.env, PG_HOST: "127.0.0.1,127.0.0.1", PG_PORT: `1,${port}` };
  await using capture = await startCapture({ env });
  await capture.waitForLog(
    /warn .*Cannot find a writable PostgreSQL server: .*:1: connection refused; .*retry_in_ms/,
  );
  await using _late = await startPostgres({ port, password: postgres.password });
  // The right server, without the database: it answers, and the answer is no.
  await capture.waitForLog(/database "test_\w+" does not exist/);
  strictEqual((await capture.waitForExit()).code, 3);
});

Deno.test("a line of .pgpass serves in place of PG_PASSWORD, for every command", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const { PG_PASSWORD: password, ...env } = bed.env;
  const file = `${bed.folder}/pgpass`;
  const line = `${env.PG_HOST}:${env.PG_PORT}:${env.PG_DATABASE}:${env.PG_USERNAME}:`;
  await Deno.writeTextFile(file, `# a comment\n*:1:*:*:other\n${line}${password}\n`, { mode: 0o600 });
  const settings = { ...env, PGPASSFILE: file };
  for (const args of [["check"], ["status"], ["teardown"]]) {
    await using command = await startCapture({ env: settings, args });
    const { code } = await command.waitForExit();
    strictEqual(code, 0, `${args}: ${command.log.join("\n")}${command.stdout}`);
  }
  await using capture = await startCapture({ env: settings });
  await capture.waitForLog("Streaming");
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });

  await Deno.chmod(file, 0o644);
  await using refused = await startCapture({ env: settings });
  strictEqual((await refused.waitForExit()).code, 2);
  match(refused.log[0] ?? "", /^PG_PASSWORD: not set, and .*pgpass is not used because group or world/);
});

Deno.test("over a Unix socket no password is needed where the server trusts it", async () => {
  await using bed = await createTestBed();
  const folder = (await bed.sql.value("SHOW unix_socket_directories") ?? "").split(",")[0] ?? "";
  const { PG_PASSWORD: _, ...env } = bed.env;
  await using capture = await startCapture({ env: { ...env, PG_HOST: folder, PG_SSL_MODE: "verify-full" } });
  await capture.waitForLog("Streaming");
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  await using asked = await startCapture({
    env: { ...env, PG_HOST: `${folder},127.0.0.1`, PG_PORT: `1,${env.PG_PORT}` },
  });
  strictEqual((await asked.waitForExit()).code, 3);
  match(
    asked.log.at(-1) ?? "",
    /it asks for a password .*set PG_PASSWORD or PG_PASSWORD_FILE, or add a line/,
  );
});

async function portOf(ports: readonly number[]): Promise<number | unknown> {
  const options = optionsOf({
    PG_HOST: ports.map(() => "127.0.0.1").join(","),
    PG_PORT: ports.join(","),
    PG_USERNAME: postgres.user,
    PG_PASSWORD: postgres.password,
    PG_CONNECT_TIMEOUT_SECS: "1",
  });
  try {
    using connection = await PostgresConnection.open(options, "sql", AbortSignal.timeout(20_000));
    return connection.server.port;
  } catch (error) {
    return error;
  }
}
