// `check` and `run` with the same mistake: both end with the same code and words, or both only warn.

import { ok, strictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";

type Env = Readonly<Record<string, string>>;

interface Line {
  readonly level: string;
  readonly message: string;
  readonly found?: string;
  readonly fix?: string;
}

interface Finding {
  readonly outcome: string;
  readonly found: string;
  readonly fix?: string;
}

const ENDING: Readonly<Record<string, { readonly env: Env; readonly code: number }>> = {
  "a missing CA file for Kafka": {
    env: { KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_SSL_CA: "/none/ca.pem" },
    code: 2,
  },
  "a missing root certificate for PostgreSQL": {
    env: { PG_SSL_MODE: "verify-full", PG_SSL_ROOT_CERT: "/none/root.pem" },
    code: 2,
  },
  "an address of another machine for the metrics": {
    env: { METRICS_HOST: "203.0.113.9", METRICS_PORT: "9999" },
    code: 2,
  },
  "at-least-once without a writable checkpoint folder": {
    env: { KAFKA_DELIVERY: "at-least-once", REPLICATION_CHECKPOINT_FILE: "/proc/none/checkpoint.kv" },
    code: 3,
  },
  "a wrong password": { env: { PG_PASSWORD: "wrong" }, code: 3 },
  "an unknown publication": { env: { PG_PUBLICATION: "none_x" }, code: 3 },
  "PG_TABLES for a publication of all tables": { env: { PG_TABLES: "public.item" }, code: 3 },
};

for (const [what, { env, code }] of Object.entries(ENDING)) {
  Deno.test(`check fails as run does: ${what}`, async () => {
    await using bed = await bedWithTable();
    await assertBothEnd(bed, env, code);
  });
}

Deno.test("check fails as run does: PG_TABLES without CREATE on the database, or ownership of the table", async () => {
  await using bed = await createTestBed({ publish: false });
  const role = `weak_${crypto.randomUUID().slice(0, 8)}`;
  await bed.sql.exec(`CREATE TABLE item (id int PRIMARY KEY);
                      CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'a-password'`);
  try {
    const env = { PG_USERNAME: role, PG_PASSWORD: "a-password", PG_TABLES: "public.*" };
    const { found = "", fix = "" } = await assertBothEnd(bed, env, 3);
    ok(found.includes("needs CREATE on database") && found.includes("is owned by"), found);
    ok(fix.includes("GRANT CREATE ON DATABASE"), fix);
  } finally {
    await bed.sql.exec(`DROP ROLE ${role}`);
  }
});

Deno.test("check passes as run does: PG_TABLES with all rights, and it creates nothing", async () => {
  await using bed = await createTestBed({ publish: false });
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  strictEqual((await check(bed, { PG_TABLES: "public.*" })).code, 0);
  strictEqual(await bed.sql.value("SELECT count(*) FROM pg_publication"), "0");
});

Deno.test("check warns as run does: exactly-once without a writable checkpoint folder", async () => {
  await using bed = await bedWithTable();
  await assertBothWarn(bed, { REPLICATION_CHECKPOINT_FILE: "/proc/none/checkpoint.kv" });
});

Deno.test("check warns as run does: another program uses METRICS_PORT", async () => {
  await using bed = await bedWithTable();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertBothWarn(bed, { METRICS_PORT: String(listener.addr.port) });
});

Deno.test("a command whose reader ends first ends with 0 and without a stack trace", async () => {
  await using bed = await bedWithTable();
  for (const command of ["check", "help", "status", "--version", "completion bash"]) {
    const program = `"$DENO" run --quiet -A --unstable-kv "$MAIN" ${command}`;
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", `{ ${program}; echo "exit code $?" >&2; } | true`],
      env: {
        ...bed.env,
        DENO: Deno.execPath(),
        MAIN: new URL("../../src/main.ts", import.meta.url).pathname,
      },
    }).output();
    strictEqual(new TextDecoder().decode(stdout), "");
    strictEqual(new TextDecoder().decode(stderr), "exit code 0\n", command);
  }
});

Deno.test("check tries the checkpoint folder, and leaves nothing there", async () => {
  await using bed = await bedWithTable();
  const file = `${bed.folder}/new/folders/checkpoint.kv`;
  strictEqual((await check(bed, { REPLICATION_CHECKPOINT_FILE: file })).code, 0);
  strictEqual([...Deno.readDirSync(bed.folder)].length, 0);
});

async function bedWithTable(): Promise<TestBed> {
  const bed = await createTestBed();
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  return bed;
}

/** @returns the finding that has the words of `run` */
async function assertBothEnd(bed: TestBed, env: Env, code: number): Promise<Finding> {
  await using capture = await startCapture({ env: { ...bed.env, ...env }, args: ["-j"] });
  strictEqual((await capture.waitForExit()).code, code);
  const error = lines(capture.log).find(({ level }) => level === "error");
  const checked = await check(bed, env);
  strictEqual(checked.code, code);
  const failure = checked.findings.find(({ outcome, found }) =>
    outcome === "failure" && found === error?.message
  );
  ok(failure !== undefined, `${error?.message}\n${JSON.stringify(checked.findings, null, 1)}`);
  strictEqual(failure.fix, error?.fix);
  return failure;
}

async function assertBothWarn(bed: TestBed, env: Env): Promise<void> {
  await using capture = await startCapture({ env: { ...bed.env, ...env }, args: ["-j"] });
  await capture.waitForLog("Streaming");
  await capture.terminate();
  const warned = lines(capture.log).find(({ level }) => level === "warn");
  const checked = await check(bed, env);
  strictEqual(checked.code, 0);
  const words = warned?.found ?? warned?.message ?? "nothing";
  const finding = checked.findings.find(({ found }) => found.startsWith(words));
  strictEqual(finding?.outcome, "warning", `${words}\n${JSON.stringify(checked.findings, null, 1)}`);
  strictEqual(finding?.fix, warned?.fix);
}

function lines(log: readonly string[]): readonly Line[] {
  return log.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

async function check(bed: TestBed, env: Env) {
  await using command = await startCapture({ env: { ...bed.env, ...env }, args: ["check", "--json"] });
  const { code } = await command.waitForExit();
  return {
    code,
    findings: (JSON.parse(command.stdout) as { readonly findings: readonly Finding[] }).findings,
  };
}
