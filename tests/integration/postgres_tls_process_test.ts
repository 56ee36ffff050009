// The program itself over TLS: every command, exit codes, secrets that change while it runs, with its own permissions.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { PERMISSIONS, V8_FLAGS } from "../../dev/release/compile.ts";
import { createAuthority, inDays } from "../../dev/servers/certificates.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, sharedServers, type TestBed } from "../support/servers.ts";
import { PemFolder } from "../support/tls_bed.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

const authority = createAuthority("authority of the tests");
const clients = createAuthority("authority of clients");
const right = authority.issue({ name: "x", hosts: ["localhost"] });
const pem = await PemFolder.make();
const CA = pem.write(authority.cert);

async function makeBed() {
  const role = `role_${crypto.randomUUID().slice(0, 8)}`;
  const postgres = await startPostgres({
    tls: { ...right, clientCa: clients.cert },
    hba: [`hostssl all ${role} all scram-sha-256 clientcert=verify-full`, `host all ${role} all reject`],
  });
  const bed = await createTestBed({
    servers: { postgres, brokers: (await sharedServers()).brokers },
    secondSlot: true,
  });
  await createWriterTables(bed.sql);
  await bed.sql.exec(`CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'first-pa55'`);
  const client = clients.issue({ name: role });
  const password = pem.write("first-pa55");
  const { PG_PASSWORD: _, ...rest } = bed.env;
  const env = {
    ...rest,
    PG_HOST: "localhost",
    PG_USERNAME: role,
    PG_PASSWORD_FILE: password,
    PG_SSL_MODE: "verify-full",
    PG_SSL_ROOT_CERT: CA,
    PG_SSL_CERT: pem.write(client.cert),
    PG_SSL_KEY: pem.write(client.key),
  };
  return {
    ...bed,
    server: postgres,
    role,
    password,
    env,
    async [Symbol.asyncDispose]() {
      await bed[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    },
  };
}

Deno.test("it streams over TLS; password and certificates are changed under it, and it goes on", async () => {
  await using bed = await makeBed();
  const { role, env } = bed;
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  const encrypted = await bed.sql.value(
    `SELECT string_agg(DISTINCT s.version || ' ' || s.client_dn, ',') FROM pg_stat_ssl s
       JOIN pg_stat_activity a USING (pid) WHERE a.usename = $1`,
    [role],
  );
  strictEqual(encrypted, `TLSv1.3 /CN=${role}`);
  await using writers = new Writers(bed.postgres, 2, 31).start();
  await delay(500);

  await bed.sql.exec(`ALTER ROLE ${role} PASSWORD 'second-pa55'`);
  await Deno.writeTextFile(bed.password, "second-pa55\n");
  const next = clients.issue({ name: role });
  await Deno.writeTextFile(env.PG_SSL_CERT, next.cert);
  await Deno.writeTextFile(env.PG_SSL_KEY, next.key);
  await bed.server.changeTls({
    ...authority.issue({ name: "y", hosts: ["localhost"] }),
    clientCa: clients.cert,
  });
  await delay(300);
  const from = capture.log.length;
  await bed.sql.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [role]);
  await capture.waitForLog("Streaming", { from });
  await delay(500);
  await writers.stop();
  await waitUntilConfirmed(bed, capture);
  ok(await assertDelivered(bed, WRITER_TABLES) > 0);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  ok(!/pa55/.test(capture.log.join("\n")));
});

Deno.test("check tells what a connection came to; status, tail and teardown obey the same settings", async () => {
  await using bed = await makeBed();
  const verified: readonly [string, string, RegExp][] = [
    ["verify-full", "ok", /^TLSv1\.3 TLS_\w+, certificate and host name verified$/],
    ["verify-ca", "ok", /certificate verified, host name not verified$/],
    ["require", "ok", /certificate verified, host name not verified$/],
  ];
  for (const [mode, outcome, line] of verified) {
    const finding = await tlsFinding({ ...bed.env, PG_SSL_MODE: mode });
    strictEqual(finding.outcome, outcome);
    match(finding.found, line);
  }
  const { PG_SSL_ROOT_CERT: _, ...withoutRoot } = bed.env;
  const finding = await tlsFinding({ ...withoutRoot, PG_SSL_MODE: "require" });
  strictEqual(finding.outcome, "warning");
  match(finding.found, /certificate not verified: an attacker on the network can impersonate/);
  match(finding.fix ?? "", /PG_SSL_MODE=verify-full and PG_SSL_ROOT_CERT/);
  for (const args of [["status"], ["teardown", "--progress", "--yes"]]) {
    strictEqual((await end(bed.env, args)).code, 0, args.join(" "));
  }
  await using tail = await startCapture({ env: bed.env, args: ["tail"] });
  for (let tries = 0; tail.stdout === "" && tries < 100; tries++) {
    await bed.sql.exec(`INSERT INTO account VALUES (${tries}, 'a', 0)`);
    await delay(100);
  }
  match(tail.stdout, /"table":"account"/);
});

Deno.test("what is refused ends it: 3 where the server is not right, 2 where the files are not", async () => {
  await using bed = await makeBed();
  const expired = authority.issue({
    name: "localhost",
    hosts: ["localhost"],
    notBefore: inDays(-9),
    notAfter: inDays(-1),
  });
  const cases: readonly [Readonly<Record<string, string>>, number, RegExp][] = [
    [
      { PG_HOST: "127.0.0.1" },
      3,
      /its certificate is for "localhost", not for "127\.0\.0\.1" fix: set PG_HOST/,
    ],
    [{ PG_SSL_ROOT_CERT: pem.write(clients.cert) }, 3, /the authority that signed its certificate .* fix: /],
    [{ PG_SSL_ROOT_CERT: "system" }, 3, /the authority that signed its certificate/],
    [
      { PG_SSL_ROOT_CERT: "" },
      2,
      /root certificate file ".*root\.crt" does not exist fix: set PG_SSL_ROOT_CERT/,
    ],
    [{ PG_SSL_KEY: pem.write("x", 0o644) }, 2, /group or world has access to key .* fix: chmod 600/],
    [
      { PG_SSL_MODE: "disable", PG_SSL_ROOT_CERT: "", PG_SSL_CERT: "", PG_SSL_KEY: "" },
      3,
      /pg_hba\.conf rejects connection .*no encryption fix: set PG_SSL_MODE=verify-full/,
    ],
  ];
  for (const [changes, code, line] of cases) await assertEnds(bed, changes, code, line);
  await bed.server.changeTls({ ...expired, clientCa: clients.cert });
  await delay(300);
  await assertEnds(bed, {}, 3, /its certificate has expired \(.*\) fix: give the server a new one/);
});

Deno.test("neither the task nor the executable is allowed more than the network, the environment and files", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const flags = tasks.start.split(" ").filter((word: string) => word.startsWith("-"));
  deepStrictEqual(flags, ["--quiet", "--no-prompt", ...PERMISSIONS, V8_FLAGS]);
  deepStrictEqual(PERMISSIONS, [
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-write",
    "--allow-sys=uid",
  ]);
});

async function assertEnds(
  bed: Pick<TestBed, "env">,
  changes: Readonly<Record<string, string>>,
  code: number,
  line: RegExp,
): Promise<void> {
  const found = await end({ ...bed.env, ...changes }, ["run"]);
  match(found.errors.join("\n"), line);
  strictEqual(found.code, code, found.errors.join("\n"));
  strictEqual(found.errors.length, 1);
}

async function tlsFinding(env: Readonly<Record<string, string>>) {
  const { stdout } = await end(env, ["check", "--json"]);
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; outcome: string; found: string; fix?: string }[];
  };
  const finding = findings.find(({ check }) => check === "PostgreSQL: TLS");
  if (finding === undefined) throw new Error(stdout);
  return finding;
}

async function end(env: Readonly<Record<string, string>>, args: readonly string[]) {
  await using command = await startCapture({ env, args });
  const { code } = await command.waitForExit();
  const errors = command.log.filter((line) => !/Z (info|warn) /.test(line));
  return { code, errors, stdout: command.stdout };
}
