// The compiled executable, alone in an empty folder, does the same as `deno task start`.

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { createAuthority, inDays } from "../../dev/servers/certificates.ts";
import { tempFolder } from "../../dev/servers/janitor.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { startCapture } from "../support/capture.ts";
import { compileExecutable, compileObstacle, compilerVersion } from "../support/executable.ts";
import { optionalTest } from "../support/optional.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { createTestBed, sharedServers } from "../support/servers.ts";
import { PemFolder } from "../support/tls_bed.ts";
import { createWriterTables, WRITER_TABLES, Writers } from "../support/writer.ts";

const obstacle = await compileObstacle();
const compiler = obstacle === undefined ? await compilerVersion() : "";
const canTls = !/^2\.[0-8]\./.test(compiler);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

optionalTest("the compiled executable captures by itself", obstacle, async () => {
  const compiled = await compileExecutable();
  const sums = await Deno.readTextFile(`${ROOT}dist/SHA256SUMS`);
  await compileExecutable();
  strictEqual(await Deno.readTextFile(`${ROOT}dist/SHA256SUMS`), sums, "the same source gives other bytes");
  const folder = await tempFolder("executable");
  const executable = `${folder}/pg-capture`;
  await Deno.copyFile(compiled, executable);
  const version = await new Deno.Command(executable, { args: ["-V"], cwd: folder, clearEnv: true }).output();
  const text = new TextDecoder().decode(version.stdout);
  match(text, /^pg-capture \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?, \d{4}-\d\d-\d\d, \w+-\w+-[\w-]+\)\n$/);
  const [, documented] = /`dist\/pg-capture`: (\d+) MB/.exec(await Deno.readTextFile(`${ROOT}README.md`)) ??
    [];
  const sizeMb = (await Deno.stat(compiled)).size / 1e6;
  // Deno's runtime differs a little from system to system.
  ok(Math.abs(sizeMb - Number(documented)) < 10, `${sizeMb} MB`);
  await assertChecksum();

  await using bed = await createTestBed({ secondSlot: true });
  const temporary = await tempFolder("tmpdir");
  await createWriterTables(bed.sql);
  await using capture = await startCapture({
    env: { ...bed.env, TMPDIR: temporary },
    executable,
    cwd: folder,
  });
  await capture.waitForLog("Streaming");
  await using writers = new Writers(bed.postgres, 2, 21).start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await writers.stop();
  await waitUntilConfirmed(bed, capture);
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
  deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  // Nothing in a place where others could have planted it, such as Deno's code cache.
  deepStrictEqual([...Deno.readDirSync(temporary)], []);
});

optionalTest(
  "an executable that an older Deno compiled refuses TLS before it connects",
  oldObstacle(),
  async () => {
    const executable = await compileExecutable();
    const env = {
      PG_HOST: "127.0.0.1",
      PG_PORT: "1",
      PG_DATABASE: "postgres",
      PG_USERNAME: "ann",
      PG_PASSWORD: "x",
      KAFKA_BROKERS: "127.0.0.1:1",
      METRICS_PORT: "0",
      REPLICATION_CHECKPOINT_FILE: "checkpoint",
    };
    for (const mode of ["prefer", "require"]) {
      await using capture = await startCapture({ env: { ...env, PG_SSL_MODE: mode }, executable });
      strictEqual((await capture.waitForExit()).code, 2, capture.log.join("\n"));
      const errors = capture.log.filter((line) => / error /.test(line));
      strictEqual(errors.length, 1);
      match(errors[0]!, /Cannot use TLS: it needs Deno 2\.9 or later/);
    }
  },
);

optionalTest("the compiled executable speaks TLS with PostgreSQL", newObstacle(), async () => {
  const executable = await compileExecutable();
  const authority = createAuthority("authority of the tests");
  const clients = createAuthority("authority of clients");
  const right = { ...authority.issue({ name: "x", hosts: ["localhost"] }), clientCa: clients.cert };
  const pem = await PemFolder.make();
  await using postgres = await startPostgres({
    tls: right,
    hba: ["hostssl all tls_role all cert", "host all tls_role all reject"],
  });
  await using bed = await createTestBed({
    servers: { postgres, brokers: (await sharedServers()).brokers },
    secondSlot: true,
  });
  await createWriterTables(bed.sql);
  await bed.sql.exec("CREATE ROLE tls_role LOGIN REPLICATION");
  const client = clients.issue({ name: "tls_role" });
  const env = {
    ...bed.env,
    PG_HOST: "localhost",
    PG_USERNAME: "tls_role",
    PG_SSL_MODE: "verify-full",
    PG_SSL_ROOT_CERT: pem.write(authority.cert),
    PG_SSL_CERT: pem.write(client.cert),
    PG_SSL_KEY: pem.write(client.key),
  };
  const assertRefused = async (changes: Readonly<Record<string, string>>, line: RegExp) => {
    await using capture = await startCapture({ env: { ...env, ...changes }, executable });
    strictEqual((await capture.waitForExit()).code, 3, capture.log.join("\n"));
    match(capture.log.filter((each) => / error /.test(each)).join("\n"), line);
  };
  for (const mode of ["verify-full", "verify-ca", "require"]) {
    await using capture = await startCapture({ env: { ...env, PG_SSL_MODE: mode }, executable });
    await capture.waitForLog("Streaming");
    await using writers = new Writers(bed.postgres, 1, 31).start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await writers.stop();
    await waitUntilConfirmed(bed, capture);
    deepStrictEqual(await capture.terminate(), { code: 0, signal: null });
  }
  notStrictEqual(await assertDelivered(bed, WRITER_TABLES), 0);
  await assertRefused({ PG_HOST: "127.0.0.1" }, /its certificate is for "localhost", not for "127\.0\.0\.1"/);
  await assertRefused(
    { PG_SSL_ROOT_CERT: pem.write(clients.cert) },
    /the authority that signed its certificate/,
  );
  // Trusted by the runtime as a public authority is, and not one of PG_SSL_ROOT_CERT's.
  await assertRefused(
    { PG_SSL_ROOT_CERT: pem.write(clients.cert), DENO_CERT: env.PG_SSL_ROOT_CERT },
    /the authority that signed its certificate/,
  );
  const expired = { name: "x", hosts: ["localhost"], notBefore: inDays(-9), notAfter: inDays(-1) };
  await postgres.changeTls({ ...authority.issue(expired), clientCa: clients.cert });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await assertRefused({}, /its certificate has expired/);
});

function newObstacle(): string | undefined {
  return obstacle ?? (canTls ? undefined : `Deno ${compiler} compiles here, and TLS needs 2.9`);
}

function oldObstacle(): string | undefined {
  return obstacle ?? (canTls ? `Deno ${compiler} compiles here, which has TLS` : undefined);
}

/** SHA256SUMS is that of the executable, in the form of sha256sum. */
async function assertChecksum(): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${ROOT}dist/pg-capture`));
  const sum = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  strictEqual(await Deno.readTextFile(`${ROOT}dist/SHA256SUMS`), `${sum}  pg-capture\n`);
}
