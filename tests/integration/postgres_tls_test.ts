// PG_SSL_MODE against real servers, as libpq's documentation and tests have it (src/test/ssl): what connects must,
// what mustn't doesn't, and says why in one line.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  type Certificate,
  createAuthority,
  encryptKey,
  inDays,
  issueBy,
  selfSigned,
} from "../../dev/servers/certificates.ts";
import { type PostgresServer, startPostgres } from "../../dev/servers/postgres.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { missingProgram } from "../../dev/servers/tools.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import { lastingSql, sql } from "../../dev/servers/psql.ts";
import { logInWith, optionsOf, type Outcome, PemFolder } from "../support/tls_bed.ts";

const MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
const PASSWORD = "tls-pa55w0rd";

const authority = createAuthority("authority of the tests");
const other = createAuthority("another authority");
const between = authority.intermediate("authority between");
const right = authority.issue({ name: "ignored", hosts: ["localhost", "127.0.0.1"] });
const pem = await PemFolder.make();
const CA = pem.write(authority.cert);
const WRONG_CA = pem.write(other.cert);
const clients = createAuthority("authority of clients");
const own = selfSigned({ name: "localhost", hosts: ["localhost"] });
const oldOwn = selfSigned({ name: "localhost", isPlain: true });

const server = await startPostgres({
  tls: { ...right, clientCa: clients.cert },
  hba: [
    "hostssl all only_tls 127.0.0.1/32 scram-sha-256",
    "host all only_tls 127.0.0.1/32 reject",
    "hostnossl all only_plain 127.0.0.1/32 scram-sha-256",
    "host all only_plain 127.0.0.1/32 reject",
    "hostssl all bob,bob2 127.0.0.1/32 cert",
    "hostssl all twofold 127.0.0.1/32 scram-sha-256 clientcert=verify-full",
    "host all md5_role 127.0.0.1/32 md5",
    "host all trusted 127.0.0.1/32 trust",
  ],
});
const PSQL_OBSTACLE = missingProgram("psql");
const NOT_COMPARED = PSQL_OBSTACLE === undefined ? "" : ` (comparison with libpq skipped: ${PSQL_OBSTACLE})`;

const admin = lastingSql(server);
for (const role of ["plain", "only_tls", "only_plain", "bob", "bob2", "twofold", "trusted"]) {
  await admin.exec(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
}
await admin.exec(
  `SET password_encryption = 'md5'; CREATE ROLE md5_role LOGIN PASSWORD '${PASSWORD}'; RESET ALL`,
);

/** What each mode must come to: a login, or a pattern of the line that says why not. */
type Row = Readonly<Record<(typeof MODES)[number], "plain" | "nothing" | "ca" | "full" | RegExp>>;

interface Situation {
  readonly certificate?: Certificate;
  readonly env?: Readonly<Record<string, string>>;
  readonly expected: Row;
}

const HAS_NO_ROOT = /no root certificate is set.*PG_SSL_ROOT_CERT/;
const WRONG_AUTHORITY =
  /the authority that signed its certificate \(CN=.*\) is not trusted.*PG_SSL_ROOT_CERT.*impostor/;
const EXPIRED = /its certificate has expired/;

const SITUATIONS: Readonly<Record<string, Situation>> = {
  "a right certificate, its authority known": {
    env: { PG_SSL_ROOT_CERT: CA },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "a right certificate, no authority known": {
    expected: {
      disable: "plain",
      prefer: "nothing",
      require: "nothing",
      "verify-ca": HAS_NO_ROOT,
      "verify-full": HAS_NO_ROOT,
    },
  },
  "the file of the authority is not there": {
    env: { PG_SSL_ROOT_CERT: "/none/root.crt" },
    expected: {
      disable: "plain",
      prefer: "nothing",
      require: "nothing",
      "verify-ca": /root certificate file "\/none\/root\.crt" does not exist/,
      "verify-full": /root certificate file "\/none\/root\.crt" does not exist/,
    },
  },
  "another authority": {
    env: { PG_SSL_ROOT_CERT: WRONG_CA },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: WRONG_AUTHORITY,
      "verify-ca": WRONG_AUTHORITY,
      "verify-full": WRONG_AUTHORITY,
    },
  },
  "a certificate for another host": {
    certificate: authority.issue({ name: "localhost", hosts: ["db.example", "*.db.example"] }),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: "plain",
      prefer: "ca",
      require: "ca",
      "verify-ca": "ca",
      "verify-full": /its certificate is for "db\.example", "\*\.db\.example", not for "localhost".*PG_HOST/,
    },
  },
  "an expired certificate": {
    certificate: authority.issue({ name: "localhost", notBefore: inDays(-9), notAfter: inDays(-1) }),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: EXPIRED,
      "verify-ca": EXPIRED,
      "verify-full": EXPIRED,
    },
  },
  "an expired certificate that nobody looks at": {
    certificate: authority.issue({ name: "localhost", notBefore: inDays(-9), notAfter: inDays(-1) }),
    expected: {
      disable: "plain",
      prefer: "nothing",
      require: "nothing",
      "verify-ca": HAS_NO_ROOT,
      "verify-full": HAS_NO_ROOT,
    },
  },
  "a certificate of the future": {
    certificate: authority.issue({ name: "localhost", notBefore: inDays(1), notAfter: inDays(9) }),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: /not valid yet/,
      "verify-ca": /not valid yet/,
      "verify-full": /not valid yet/,
    },
  },
  "a common name alone": {
    certificate: authority.issue({ name: "localhost" }),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "a certificate of X.509 version 1": {
    certificate: authority.issue({ name: "localhost", isPlain: true }),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "a certificate that signs itself, and is the root": {
    certificate: own,
    env: { PG_SSL_ROOT_CERT: pem.write(own.cert) },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "one of version 1 that signs itself, and is the root": {
    certificate: oldOwn,
    env: { PG_SSL_ROOT_CERT: pem.write(oldOwn.cert) },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "an authority in between, sent along": {
    certificate: withChain(between.issue({ name: "x", hosts: ["localhost"] }), between.cert),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "an authority in between, not sent": {
    certificate: between.issue({ name: "x", hosts: ["localhost"] }),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: WRONG_AUTHORITY,
      "verify-ca": WRONG_AUTHORITY,
      "verify-full": WRONG_AUTHORITY,
    },
  },
  "only the authority in between is known": {
    certificate: withChain(between.issue({ name: "x", hosts: ["localhost"] }), between.cert),
    env: { PG_SSL_ROOT_CERT: pem.write(between.cert) },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: WRONG_AUTHORITY,
      "verify-ca": WRONG_AUTHORITY,
      "verify-full": WRONG_AUTHORITY,
    },
  },
  "a host's certificate, itself given as the root": {
    certificate: right,
    env: { PG_SSL_ROOT_CERT: pem.write(right.cert) },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: WRONG_AUTHORITY,
      "verify-ca": WRONG_AUTHORITY,
      "verify-full": WRONG_AUTHORITY,
    },
  },
  "several authorities in one file": {
    env: { PG_SSL_ROOT_CERT: pem.write(`text around\n${other.cert}\n${authority.cert}`) },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "a host's certificate that poses as an authority": {
    certificate: posing(),
    env: { PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: WRONG_AUTHORITY,
      "verify-ca": WRONG_AUTHORITY,
      "verify-full": WRONG_AUTHORITY,
    },
  },
  "an address in the certificate": {
    env: { PG_SSL_ROOT_CERT: CA, PG_HOST: "127.0.0.1" },
    expected: { disable: "plain", prefer: "ca", require: "ca", "verify-ca": "ca", "verify-full": "full" },
  },
  "an address, and only names in the certificate": {
    certificate: authority.issue({ name: "x", hosts: ["localhost"] }),
    env: { PG_SSL_ROOT_CERT: CA, PG_HOST: "127.0.0.1" },
    expected: {
      disable: "plain",
      prefer: "ca",
      require: "ca",
      "verify-ca": "ca",
      "verify-full": /its certificate is for "localhost", not for "127\.0\.0\.1"/,
    },
  },
  "pg_hba.conf takes the role over TLS only": {
    env: { PG_USERNAME: "only_tls", PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: /pg_hba\.conf rejects connection.*no encryption/,
      prefer: "ca",
      require: "ca",
      "verify-ca": "ca",
      "verify-full": "full",
    },
  },
  "pg_hba.conf takes the role without TLS only": {
    env: { PG_USERNAME: "only_plain", PG_SSL_ROOT_CERT: CA },
    expected: {
      disable: "plain",
      prefer: "plain",
      require: /pg_hba\.conf rejects connection.*SSL encryption/,
      "verify-ca": /pg_hba\.conf rejects connection/,
      "verify-full": /pg_hba\.conf rejects connection/,
    },
  },
};

for (const [name, { certificate = right, env = {}, expected }] of Object.entries(SITUATIONS)) {
  Deno.test(`every mode: ${name}${NOT_COMPARED}`, async () => {
    await show(certificate);
    for (const mode of MODES) {
      const found = await logInWith(() =>
        optionsOf({ ...envOf(server), PG_SSL_MODE: mode, ...fit(mode, env) })
      );
      assertOutcome(found, expected[mode], mode);
      const ours = "refused" in found ? "refused" : found.login === "plain" ? "plain" : "tls";
      if (PSQL_OBSTACLE === undefined) {
        strictEqual(await libpq(mode, { ...envOf(server), ...env }), ours, `libpq, ${mode}`);
      }
    }
  });
}

Deno.test("every mode: the server has TLS switched off", async () => {
  await using plain = await startPostgres();
  const env = { ...envOf(plain), PG_USERNAME: plain.user, PG_PASSWORD: plain.password };
  const no = /it answers that it has no TLS.*set ssl = on there; .*an attacker on the way strips it/;
  const expected: Row = {
    disable: "plain",
    prefer: "plain",
    require: no,
    "verify-ca": no,
    "verify-full": no,
  };
  for (const mode of MODES) {
    const settings = { ...env, PG_SSL_MODE: mode, ...fit(mode, { PG_SSL_ROOT_CERT: CA }) };
    assertOutcome(await logInWith(() => optionsOf(settings)), expected[mode], mode);
  }
  // Over a Unix socket nobody speaks TLS, whatever is asked for.
  await using on = await sql(plain);
  const folder = await on.value("SHOW unix_socket_directories") ?? "";
  for (const mode of MODES) {
    const settings = { ...env, PG_HOST: folder, PG_SSL_MODE: mode, ...fit(mode, { PG_SSL_ROOT_CERT: CA }) };
    assertOutcome(await logInWith(() => optionsOf(settings)), "plain", mode);
  }
});

Deno.test("TLS 1.2 and 1.3, with the oldest and the newest PostgreSQL", async () => {
  for (const [major, version] of [[14, "TLSv1.2"], [18, "TLSv1.3"]] as const) {
    const settings = { ssl_min_protocol_version: version, ssl_max_protocol_version: version };
    await using only = await startPostgres({ major, tls: right, settings });
    const found = await logInWith(() =>
      optionsOf({
        ...envOf(only),
        PG_USERNAME: only.user,
        PG_PASSWORD: only.password,
        PG_SSL_MODE: "verify-full",
        PG_SSL_ROOT_CERT: CA,
      })
    );
    deepStrictEqual(found, { login: "full", via: version });
  }
});

Deno.test("client certificates: taken where they are right, and each refusal says what is wrong", async () => {
  await show(right);
  const bob = clients.issue({ name: "bob" });
  const wrong = createAuthority("nobody's authority").issue({ name: "bob" });
  const old = clients.issue({ name: "bob", notBefore: inDays(-9), notAfter: inDays(-1) });
  const cert = (pair: Certificate, more: Readonly<Record<string, string>> = {}) => ({
    PG_SSL_CERT: pem.write(pair.cert),
    PG_SSL_KEY: pem.write(pair.key),
    ...more,
  });
  const cases: readonly (readonly [Readonly<Record<string, string>>, "full" | RegExp])[] = [
    [{ PG_USERNAME: "bob" }, /connection requires a valid client certificate.*PG_SSL_CERT/],
    [cert(bob, { PG_USERNAME: "bob", PG_PASSWORD: "" }), "full"],
    [cert(bob, { PG_USERNAME: "bob2" }), /certificate authentication failed.*must be PG_USERNAME/],
    [
      cert(bob, { PG_USERNAME: "twofold" }),
      /authentication failed for user "twofold".*clientcert=verify-full/,
    ],
    [cert(clients.issue({ name: "twofold" }), { PG_USERNAME: "twofold" }), "full"],
    [cert(wrong, { PG_USERNAME: "bob" }), /does not know the authority of the client certificate/],
    [cert(old, { PG_USERNAME: "bob" }), /the client certificate has expired/],
    [cert({ cert: bob.cert, key: old.key }), /is not the key of certificate/],
    [cert({ cert: bob.cert, key: encryptKey(bob.key, "x") }), /is encrypted.*openssl pkey -in/],
    [cert({ cert: bob.cert, key: "no key" }), /there is no private key in/],
    [cert({ cert: "no certificate", key: bob.key }), /there is no certificate in/],
    [
      { PG_SSL_CERT: "/none.crt", PG_SSL_KEY: "/none.key" },
      /client certificate "\/none\.crt" does not exist.*PG_SSL_CERT/,
    ],
    [
      { PG_SSL_CERT: pem.write(bob.cert), PG_SSL_KEY: "/none.key" },
      /key "\/none\.key" does not exist.*PG_SSL_KEY/,
    ],
    [
      { PG_SSL_CERT: pem.write(bob.cert), PG_SSL_KEY: pem.write(bob.key, 0o644) },
      /group or world has access to key.*chmod 600/,
    ],
  ];
  for (const [env, expected] of cases) {
    const settings = { ...envOf(server), PG_SSL_MODE: "verify-full", PG_SSL_ROOT_CERT: CA, ...env };
    assertOutcome(await logInWith(() => optionsOf(settings)), expected, JSON.stringify(env));
  }
});

Deno.test("SCRAM with channel binding over TLS, without it else; md5, and no password", async () => {
  await show(right);
  const log = async (role: string, mode: string) => {
    const settings = { ...envOf(server), PG_USERNAME: role, PG_SSL_MODE: mode };
    return await logInWith(() => optionsOf(settings));
  };
  // A server that offers SCRAM-SHA-256-PLUS refuses a client that could bind and says that the server can't ("y").
  assertOutcome(await log("plain", "require"), "nothing", "plus");
  assertOutcome(await log("plain", "disable"), "plain", "scram");
  for (const role of ["md5_role", "trusted"]) {
    assertOutcome(await log(role, "disable"), "plain", role);
    assertOutcome(await log(role, "require"), "nothing", role);
  }
});

Deno.test("the certificates that the system trusts: verify-full alone", async () => {
  await show(right);
  const settings = { ...envOf(server), PG_SSL_ROOT_CERT: "system", PG_SSL_MODE: "verify-full" };
  assertOutcome(await logInWith(() => optionsOf(settings)), WRONG_AUTHORITY, "system");
  assertOutcome(
    await logInWith(() => optionsOf({ ...settings, SSL_CERT_FILE: CA })),
    "full",
    "SSL_CERT_FILE",
  );
  const none = { ...settings, SSL_CERT_FILE: "/none" };
  assertOutcome(await logInWith(() => optionsOf(none)), /are not in \/none.*SSL_CERT_FILE/, "no file");
});

Deno.test("files in ~/.postgresql are used as libpq uses them", async () => {
  await show(right);
  const home = `${pem.path}/home`;
  await Deno.mkdir(`${home}/.postgresql`, { recursive: true });
  const base = { ...envOf(server), HOME: home };
  await Deno.writeTextFile(`${home}/.postgresql/root.crt`, authority.cert);
  assertOutcome(
    await logInWith(() => optionsOf({ ...base, PG_SSL_MODE: "verify-full" })),
    "full",
    "root.crt",
  );
  assertOutcome(await logInWith(() => optionsOf({ ...base, PG_SSL_MODE: "require" })), "ca", "require");
  await Deno.writeTextFile(`${home}/.postgresql/root.crt`, other.cert);
  assertOutcome(
    await logInWith(() => optionsOf({ ...base, PG_SSL_MODE: "require" })),
    WRONG_AUTHORITY,
    "require",
  );
  await Deno.writeTextFile(`${home}/.postgresql/root.crt`, authority.cert);
  const bob = clients.issue({ name: "bob" });
  await Deno.writeTextFile(`${home}/.postgresql/postgresql.crt`, bob.cert);
  await Deno.writeTextFile(`${home}/.postgresql/postgresql.key`, bob.key, { mode: 0o600 });
  const settings = { ...base, PG_SSL_MODE: "verify-full", PG_USERNAME: "bob", PG_PASSWORD: "" };
  assertOutcome(await logInWith(() => optionsOf(settings)), "full", "client certificate");
});

Deno.test("files are read again for each connection; while they are being replaced, the last right ones serve", async () => {
  await show(right);
  const root = pem.write(authority.cert);
  const password = pem.write("wrong-pa55");
  const settings = {
    ...envOf(server),
    PG_SSL_MODE: "verify-ca",
    PG_SSL_ROOT_CERT: root,
    PG_PASSWORD: "",
    PG_PASSWORD_FILE: password,
  };
  const options = optionsOf(settings);
  assertOutcome(await logInWith(() => options), /password authentication failed/, "wrong password");
  await Deno.writeTextFile(password, `${PASSWORD}\n`);
  assertOutcome(await logInWith(() => options), "ca", "new password");
  await Deno.writeTextFile(root, other.cert);
  assertOutcome(await logInWith(() => options), WRONG_AUTHORITY, "new root");
  await Deno.writeTextFile(root, authority.cert);
  assertOutcome(await logInWith(() => options), "ca", "old root");
  await Deno.writeTextFile(root, "half of a certific");
  assertOutcome(await logInWith(() => options), "ca", "half a file");
  await Deno.remove(root);
  assertOutcome(await logInWith(() => options), "ca", "no file");
});

/** What libpq makes of the same settings, where its psql is there. */
async function libpq(
  mode: string,
  { PG_HOST, PG_PORT, PG_USERNAME, PG_SSL_ROOT_CERT = "/none/root" }: Readonly<Record<string, string>>,
): Promise<"refused" | "plain" | "tls"> {
  const target = `host=${PG_HOST} port=${PG_PORT} user=${PG_USERNAME} dbname=postgres connect_timeout=10`;
  const files = `sslmode=${mode} sslrootcert=${PG_SSL_ROOT_CERT} sslcert=/none/cert sslkey=/none/key`;
  const query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  const { success, stdout } = await new Deno.Command("psql", {
    args: [`${target} ${files}`, "-X", "-A", "-t", "-c", query],
    env: { PGPASSWORD: PASSWORD },
    stdin: "null",
  }).output();
  if (!success) return "refused";
  return new TextDecoder().decode(stdout).trim() === "t" ? "tls" : "plain";
}

function envOf({ port }: PostgresServer): Readonly<Record<string, string>> {
  return { PG_HOST: "localhost", PG_PORT: String(port), PG_USERNAME: "plain", PG_PASSWORD: PASSWORD };
}

/** Without TLS there are no files of it. */
function fit(mode: string, env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { PG_SSL_ROOT_CERT: _, ...rest } = env;
  return mode === "disable" ? rest : env;
}

function assertOutcome(found: Outcome, expected: string | RegExp, what: string): void {
  if (typeof expected === "string") {
    strictEqual("login" in found ? found.login : found.refused.message, expected, what);
    return;
  }
  ok("refused" in found, `${what}: it logged in`);
  const { kind, message, fix: hint } = found.refused;
  const line = `${message} fix: ${hint}`;
  match(line, expected, `${what}: ${line}`);
  ok(!/[\r\n]/.test(line), `${what}: one line`);
  ok(!/pa55/.test(line), `${what}: no password`);
  ok(["postgres-refused", "configuration"].includes(kind), `${what}: ${kind}`);
}

let shown = right;

/** Shows the certificate, and waits until it is shown. */
async function show(certificate: Certificate): Promise<void> {
  if (certificate === shown) return;
  await server.changeTls({ ...certificate, clientCa: clients.cert });
  const [first = ""] = certificate.cert.split(/-----END/);
  const wanted = Uint8Array.fromBase64(first.replace(/-----.*-----/, "")).toHex();
  const options = optionsOf({ ...envOf(server), PG_SSL_MODE: "require" });
  for (;;) {
    using connection = await PostgresConnection.open(options, "sql", AbortSignal.timeout(10_000));
    if (wanted === connection.tls?.certificate.toHex()) break;
    await delay(20);
  }
  shown = certificate;
}

function withChain({ cert, key }: Certificate, authorities: string): Certificate {
  return { cert: cert + authorities, key };
}

/** Signed with a host's key, which its authority did not mean to be signed with. */
function posing(): Certificate {
  const host = authority.issue({ name: "host" });
  return withChain(issueBy(host, "host", { name: "x", hosts: ["localhost"] }), host.cert);
}
