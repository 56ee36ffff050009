// A password planted in every place that it can come from is in nothing that pg-capture prints, serves or shows.

import { ok, strictEqual } from "node:assert";
import { createAuthority } from "../../dev/servers/certificates.ts";
import { freePort } from "../../dev/servers/ports.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

const PLANTED = "pl4nted:Pa\\55'\"word%";

/** What starts a pg-capture with the password in one place. */
interface Place {
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

type Planting = (bed: TestBed, password: string) => Promise<Place>;

const PLACES: Readonly<Record<string, Planting>> = {
  "environment": (_bed, password) => Promise.resolve({ env: { PG_PASSWORD: password } }),
  "file": async (bed, password) => ({ env: { PG_PASSWORD_FILE: await write(bed, "password", password) } }),
  ".pgpass": async (bed, password) => {
    const escaped = password.replace(/[\\:]/g, "\\$&");
    return { env: { PGPASSFILE: await write(bed, "pgpass", `*:*:*:*:${escaped}\n`) } };
  },
  "TOML": async (bed, password) => {
    const file = await write(bed, "c.toml", `[pg]\npassword = ${JSON.stringify(password)}\n`);
    return { env: {}, args: ["-c", file] };
  },
  "TOML, wrong": async (bed, password) => {
    const file = await write(bed, "c.toml", `[pg]\npassword = ${JSON.stringify(password)} oops\n`);
    return { env: {}, args: ["-c", file] };
  },
  ".env": async (bed, password) => {
    await write(bed, ".env", `PG_PASSWORD=${JSON.stringify(password)}\n`);
    return { env: {} };
  },
  "URL in PG_HOST": (_bed, password) =>
    Promise.resolve({ env: { PG_HOST: `postgres://ann:${password}@db/shop`, PG_PASSWORD: "x" } }),
  "user and password in PG_HOST": (_bed, password) =>
    Promise.resolve({ env: { PG_HOST: `db,ann:${password}`, PG_PASSWORD: "x" } }),
  "PGPASSWORD": (_bed, password) => Promise.resolve({ env: { PGPASSWORD: password } }),
  "PG_PASSWORD_FILE itself": (_bed, password) => Promise.resolve({ env: { PG_PASSWORD_FILE: password } }),
};

for (const [place, plant] of Object.entries(PLACES)) {
  Deno.test(`a password in ${place} shows nowhere, right or wrong, whatever the command`, async () => {
    await using bed = await createTestBed();
    await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
    const role = `planted_${crypto.randomUUID().slice(0, 8)}`;
    await bed.sql.exec(
      `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD '${PLANTED.replaceAll("'", "''")}'`,
    );
    const { PG_PASSWORD: _, ...base } = bed.env;
    try {
      for (const password of [PLANTED, `${PLANTED}-wrong`]) {
        const port = freePort();
        const { env, args = [] } = await plant(bed, password);
        const settings = {
          ...base,
          PG_USERNAME: role,
          METRICS_PORT: String(port),
          LOG_LEVEL: "trace",
          ...env,
        };
        await using capture = await startCapture({ env: settings, args: [...args, "run"], cwd: bed.folder });
        const served = await serves(capture, port);
        const shown = [...served, await commandLine(capture.pid), ...capture.log, capture.stdout];
        for (const command of ["check", "status"]) {
          await using other = await startCapture({
            env: settings,
            args: [...args, command],
            cwd: bed.folder,
          });
          await other.waitForExit();
          shown.push(...other.log, other.stdout);
        }
        ok(shown.join("").length > 100, "it said something");
        assertAbsent(shown.join("\n"), password);
      }
    } finally {
      await bed.sql.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [role]);
      await bed.sql.exec(`DROP ROLE ${role}`);
    }
  });
}

Deno.test("a key shows nowhere, whatever is wrong with it", async () => {
  await using bed = await createTestBed();
  const { cert, key } = createAuthority("a").issue({ name: "b" });
  const secret = key.split("\n")[1] ?? "";
  ok(secret.length > 20);
  for (const [text, mode] of [[key, 0o600], [key, 0o644], [key.replace("PRIVATE", "ODD"), 0o600]] as const) {
    const env = {
      ...bed.env,
      PG_SSL_MODE: "require",
      PG_SSL_CERT: await write(bed, "cert.pem", cert),
      PG_SSL_KEY: await write(bed, "key.pem", text, mode),
      LOG_LEVEL: "trace",
    };
    await using capture = await startCapture({ env });
    strictEqual((await capture.waitForExit()).code === 0, false);
    ok(!capture.log.join("\n").includes(secret));
  }
});

/** What is served while it runs; nothing where it ends at once. */
async function serves(capture: CaptureProcess, port: number): Promise<readonly string[]> {
  try {
    await capture.waitForLog("Streaming", { timeoutMs: 15_000 });
  } catch {
    strictEqual(capture.running, false, capture.log.join("\n"));
    return [];
  }
  const paths = ["/", "/metrics", "/healthz", "/readyz", "/status.json"];
  return await Promise.all(
    paths.map(async (path) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text()),
  );
}

async function commandLine(pid: number): Promise<string> {
  return await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
}

/** Nor as JSON, as a URL or in base64 would have it. */
function assertAbsent(text: string, password: string): void {
  const forms = [
    password,
    JSON.stringify(password).slice(1, -1),
    encodeURIComponent(password),
    btoa(password),
    password.replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
  ];
  for (const form of forms) ok(!text.includes(form), `it shows as ${form}\n${text}`);
}

async function write(bed: TestBed, name: string, text: string, mode = 0o600): Promise<string> {
  const path = `${bed.folder}/${name}`;
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, mode);
  return path;
}
