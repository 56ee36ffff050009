// PG_REQUIRE_AUTH and PG_CHANNEL_BINDING against real servers, and against one that plays the attacker.

import { match, ok, strictEqual } from "node:assert";
import { createAuthority } from "../../dev/servers/certificates.ts";
import { startPostgres } from "../../dev/servers/postgres.ts";
import { lastingSql } from "../../dev/servers/psql.ts";
import { missingProgram } from "../../dev/servers/tools.ts";
import {
  concat,
  type FakeSession,
  int32,
  LOGGED_IN,
  message,
  result,
  startFakePostgres,
} from "../support/fake_postgres.ts";
import { logInWith, optionsOf, type Outcome, PemFolder } from "../support/tls_bed.ts";

const PASSWORD = "planted-pa55";
const METHODS = { clear: "password", hashed: "md5", scram: "scram-sha-256", trusted: "trust" };
type Role = keyof typeof METHODS;
type Settings = Readonly<Record<string, string>>;

const authority = createAuthority("authority of the tests");
const pem = await PemFolder.make();
const VERIFIED = { PG_SSL_MODE: "verify-full", PG_SSL_ROOT_CERT: pem.write(authority.cert) };
const ENCRYPTED = { PG_SSL_MODE: "require" };
const PLAIN = { PG_SSL_MODE: "disable" };

const server = await startPostgres({
  tls: authority.issue({ name: "localhost", hosts: ["localhost"] }),
  hba: Object.entries(METHODS).map(([role, method]) => `host all ${role} 127.0.0.1/32 ${method}`),
});
const admin = lastingSql(server);
for (const role of Object.keys(METHODS)) {
  const encryption = role === "hashed" ? "md5" : "scram-sha-256";
  await admin.exec(
    `SET password_encryption = '${encryption}'; CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`,
  );
}
const PSQL_OBSTACLE = missingProgram("psql");
const NOT_COMPARED = PSQL_OBSTACLE === undefined ? "" : ` (comparison with libpq skipped: ${PSQL_OBSTACLE})`;

Deno.test("a password in cleartext goes over verified TLS, else only where PG_REQUIRE_AUTH asks for it", async () => {
  await assertIn("clear", VERIFIED);
  for (const settings of [PLAIN, ENCRYPTED, { PG_SSL_MODE: "prefer" }]) {
    await assertRefused("clear", settings, /asks for a password in cleartext/);
    await assertRefused(
      "clear",
      { ...settings, PG_REQUIRE_AUTH: "!md5" },
      /asks for a password in cleartext/,
    );
    await assertIn("clear", { ...settings, PG_REQUIRE_AUTH: "password" });
  }
});

Deno.test("PG_REQUIRE_AUTH: the server logs the role in by one of these methods, or not at all", async () => {
  const roles = Object.keys(METHODS) as Role[];
  const taken: Readonly<Record<string, readonly Role[]>> = {
    "password": ["clear"],
    "md5": ["hashed"],
    "scram-sha-256": ["scram"],
    "none": ["trusted"],
    "!none": ["clear", "hashed", "scram"],
    "!password,!md5": ["scram", "trusted"],
  };
  for (const [auth, allowed] of Object.entries(taken)) {
    for (const role of roles) {
      const settings = { ...VERIFIED, PG_REQUIRE_AUTH: auth };
      if (allowed.includes(role)) await assertIn(role, settings);
      else await assertRefused(role, settings, /which is not what is required/);
    }
  }
});

Deno.test(`PG_CHANNEL_BINDING: as libpq's channel_binding${NOT_COMPARED}`, async () => {
  for (const binding of ["disable", "prefer", "require"]) {
    for (const role of ["scram", "hashed", "trusted"] as const) {
      const settings = { ...ENCRYPTED, PG_CHANNEL_BINDING: binding };
      if (binding !== "require" || role === "scram") await assertIn(role, settings);
      else await assertRefused(role, settings, /channel binding is required/);
      if (PSQL_OBSTACLE !== undefined) continue;
      strictEqual(
        await libpqLogsIn(role, binding),
        binding !== "require" || role === "scram",
        `${role} ${binding}`,
      );
    }
  }
  await assertRefused("scram", { PG_CHANNEL_BINDING: "require", PG_SSL_MODE: "prefer" }, /channel binding/, {
    port: (await plainServer()).port,
  });
});

Deno.test("SCRAM with few iterations is refused, as a real server may have them", async () => {
  await admin.exec(`SET scram_iterations = 4095; CREATE ROLE few LOGIN PASSWORD '${PASSWORD}'; RESET ALL`);
  await admin.exec(`SET scram_iterations = 4096; CREATE ROLE enough LOGIN PASSWORD '${PASSWORD}'; RESET ALL`);
  await assertRefused("few", ENCRYPTED, /SCRAM with 4095 iterations.*scram_iterations/);
  await assertIn("enough", ENCRYPTED);
});

/** What somebody who answers in the server's place says to be let in, or to be told the password. */
const ATTACKS: Readonly<Record<string, readonly [talk: (session: FakeSession) => Promise<void>, RegExp]>> = {
  "asks for the password": [(session) => session.write(message("R", int32(3))), /password in cleartext/],
  "leaves SCRAM after its own challenge": [async (session) => {
    await session.write(await challenge(session, 4096));
    await session.read();
    await session.write(LOGGED_IN);
  }, /without proving that it knows the password/],
  "leaves SCRAM before its challenge": [async (session) => {
    await challenge(session, 4096);
    await session.write(LOGGED_IN);
  }, /without proving that it knows the password/],
  "sends challenge and welcome in one piece": [async (session) => {
    await session.write(concat(await challenge(session, 4096), LOGGED_IN));
  }, /without proving that it knows the password/],
  "makes the password cheap to guess": [async (session) => {
    await session.write(await challenge(session, 1));
  }, /SCRAM with 1 iterations/],
  "makes the client count for hours": [async (session) => {
    await session.write(await challenge(session, 2_000_000_000));
  }, /SCRAM with 2000000000 iterations/],
  "asks for the password after SCRAM": [async (session) => {
    await challenge(session, 4096);
    await session.write(message("R", int32(3)));
  }, /do not follow one another/],
  "says only that it is ready": [(session) => session.write(message("Z", "I")), /before the login was over/],
  "asks again when all is over": [async (session) => {
    await session.write(LOGGED_IN);
    await session.read();
    await session.write(message("R", int32(3)));
  }, /do not follow one another/],
};

for (const [what, [talk, line]] of Object.entries(ATTACKS)) {
  Deno.test(`a server that ${what} is refused, and is not told the password`, async () => {
    let heard = "";
    await using fake = startFakePostgres(async (session) => {
      const read = async () => {
        const bytes = await session.read();
        heard += new TextDecoder("latin1").decode(bytes);
        return bytes;
      };
      await read();
      await talk({ ...session, read });
      while ((await read()).length > 0);
    });
    const settings = { ...PLAIN, PG_HOST: "127.0.0.1" };
    await assertRefused("ann", settings, line, { port: fake.port });
    ok(!heard.includes(PASSWORD));
    ok(!/md5[0-9a-f]{32}/.test(heard));
  });
}

Deno.test("a server that lets anybody in is refused with PG_REQUIRE_AUTH=scram-sha-256", async () => {
  await using fake = startFakePostgres(async (session) => {
    await session.read();
    await session.write(LOGGED_IN);
    await session.read();
    await session.write(result(["tls"], [""]));
    await session.read();
  });
  const settings = { ...PLAIN, PG_HOST: "127.0.0.1", PG_REQUIRE_AUTH: "scram-sha-256" };
  await assertRefused("ann", settings, /takes the login without asking for anything/, { port: fake.port });
});

/** Begins SCRAM. @returns the server's first message */
async function challenge(session: FakeSession, iterations: number): Promise<Uint8Array> {
  await session.write(message("R", int32(10), "SCRAM-SHA-256\0\0"));
  const [, nonce = ""] = /r=([^,]+)/.exec(new TextDecoder().decode(await session.read())) ?? [];
  return message("R", int32(11), `r=${nonce}extra,s=c2FsdA==,i=${iterations}`);
}

let withoutTls: ReturnType<typeof startPostgres> | undefined;

/** A server without TLS. */
async function plainServer() {
  const plain = await (withoutTls ??= startPostgres());
  await lastingSql(plain).exec(`CREATE ROLE scram LOGIN PASSWORD '${PASSWORD}'`);
  return plain;
}

async function logInAs(
  role: string,
  settings: Settings,
  { port }: { readonly port: number },
): Promise<Outcome> {
  const env = { PG_HOST: "localhost", PG_PORT: String(port), PG_USERNAME: role, PG_PASSWORD: PASSWORD };
  return await logInWith(() => optionsOf({ ...env, ...settings }));
}

async function assertIn(role: string, settings: Settings): Promise<void> {
  const found = await logInAs(role, settings, server);
  ok(
    "login" in found,
    "refused" in found ? `${role} ${JSON.stringify(settings)}: ${found.refused.message}` : "",
  );
}

async function assertRefused(
  role: string,
  settings: Settings,
  line: RegExp,
  at: { readonly port: number } = server,
): Promise<void> {
  const found = await logInAs(role, settings, at);
  ok("refused" in found, `${role} ${JSON.stringify(settings)} logged in`);
  const { kind, message: text, fix } = found.refused;
  match(`${text} fix: ${fix}`, line);
  ok(kind === "postgres-refused" || kind === "decoding", kind);
  ok(fix !== undefined && !/pa55|[\r\n]/.test(text + fix));
}

/** Whether libpq logs in with these settings. */
async function libpqLogsIn(role: string, binding: string): Promise<boolean> {
  const target = `host=localhost port=${server.port} user=${role} dbname=postgres connect_timeout=10`;
  const { success } = await new Deno.Command("psql", {
    args: [`${target} sslmode=require channel_binding=${binding} sslrootcert=/none`, "-X", "-c", "SELECT 1"],
    env: { PGPASSWORD: PASSWORD },
    stdin: "null",
  }).output();
  return success;
}
