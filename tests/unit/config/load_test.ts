// How the configuration is put together from its places, and what is said when it can't be.

import { strict as assert } from "node:assert";
import { secretsToMask } from "../../../src/config/config.ts";
import { ConfigurationErrors } from "../../../src/config/configuration_errors.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { ConfigSources } from "../../../src/config/sources.ts";

const REQUIRED = {
  HOME: "/home/ann",
  PG_DATABASE: "shop",
  PG_USERNAME: "replicator",
  PG_PASSWORD: "p4ssw0rd",
  KAFKA_BROKERS: "localhost:9092",
};

Deno.test("the four required variables are enough, and the rest has the documented defaults", () => {
  const { config, warnings } = load();
  assert.deepEqual(warnings, []);
  assert.equal(config.pg.password?.reveal(), "p4ssw0rd");
  assert.deepEqual(JSON.parse(JSON.stringify(config)), {
    pg: {
      servers: [{ host: "localhost", port: 5432 }],
      database: "shop",
      username: "replicator",
      password: "[secret]",
      publication: "pg_replicate_kafka_pub",
      messages: [],
      slotName: "pg_replicate_kafka_slot",
      slotFailover: false,
      connectTimeoutMs: 30_000,
      tls: { mode: "disable", home: "/home/ann" },
      loginRules: { channelBinding: "prefer" },
    },
    kafka: {
      brokers: [{ host: "localhost", port: 9092 }],
      topicPrefix: "cdc",
      delivery: "exactly-once",
      compression: "snappy",
      acks: -1,
      lingerMs: 100,
      batchBytes: 16384,
      bufferBytesMax: 33554432,
      messageBytesMax: 1048576,
      oversize: "stop",
      tombstones: false,
      security: { protocol: "PLAINTEXT" },
    },
    replication: {
      pollIntervalMs: 100,
      keepaliveIntervalMs: 10_000,
      checkpointIntervalMs: 10_000,
      checkpointFile: "/home/ann/.local/state/pg-capture/checkpoint.kv",
      bufferChangesMax: 20_000,
    },
    snapshot: { mode: "never", readers: 2 },
    format: { name: "native" },
    tables: [],
    logging: { level: "info", format: "plain" },
    metrics: { host: "127.0.0.1", port: 9090, allowedHosts: [] },
  });
});

Deno.test("the command line wins over the environment, that over the file", () => {
  const files = {
    ".env": "PG_HOST=from-dotenv\nPG_PUBLICATION=from-dotenv\nLOG_LEVEL=trace\n",
    "c.toml":
      `[pg]\nhost = "from-toml"\npublication = "from-toml"\nslot_name = "from_toml"\n[logging]\nlevel = "error"\n`,
  };
  const env = { PG_HOST: "from-environment", LOG_LEVEL: "warn" };
  for (const [name, configFile] of [["dotenv", undefined], ["toml", "c.toml"]] as const) {
    const { config, file, warnings } = load({
      env,
      files,
      ...(configFile === undefined ? {} : { configFile }),
      overrides: { LOG_LEVEL: "debug" },
    });
    assert.equal(config.pg.servers[0]?.host, "from-environment");
    assert.equal(config.pg.publication, `from-${name}`);
    assert.equal(config.pg.slotName, configFile === undefined ? "pg_replicate_kafka_slot" : "from_toml");
    assert.equal(config.logging.level, "debug");
    assert.equal(file, configFile ?? ".env");
    assert.deepEqual(warnings, []);
  }
});

Deno.test(".env is left out where another user may have written it, with a warning that says so", () => {
  const files = { ".env": "PG_HOST=from-dotenv\n" };
  const of = (setup: Setup) => {
    const { config, warnings, file } = load({ files, ...setup });
    return { host: config.pg.servers[0]?.host, warnings: warnings.join(), file };
  };
  for (const fileMode of [0o600, 0o640, 0o644]) {
    for (const uid of [0, 1000]) assert.equal(of({ fileMode, uid }).host, "from-dotenv");
  }
  for (const fileMode of [0o620, 0o602, 0o664, 0o666]) {
    const { host, warnings, file } = of({ fileMode, uid: 1000 });
    assert.deepEqual([host, file], ["localhost", undefined]);
    assert.match(warnings, /^\.env: it is not read: other users may write to it; .*chmod go-w '\.env'$/);
  }
  for (const owner of [{ uid: 1001 }, { uid: 1000, linkUid: 1001 }, { uid: 1001, linkUid: 1000 }]) {
    const { host, warnings } = of(owner);
    assert.equal(host, "localhost");
    assert.match(warnings, /^\.env: it is not read: another user \(uid 1001\) owns it; /);
  }
});

Deno.test("where something is missing, a .env that was left out is named beside it", () => {
  const files = { ".env": "PG_DATABASE=shop\n", "c.toml": "" };
  const env = { PG_DATABASE: undefined };
  const [missing, dotenv] = problems({ env, files, fileMode: 0o666 });
  assert.match(missing ?? "", /^PG_DATABASE: not set/);
  assert.match(dotenv ?? "", /^\.env: it is not read: other users may write to it; /);
  assert.match(
    problems({ env, files, configFile: "c.toml" })[1] ?? "",
    /^\.env: it is not read: -c names the settings file/,
  );
});

Deno.test("a file with a secret that every user may read is a warning, with the command against it", () => {
  const files = {
    "/pw": "pl4nted",
    ".env": "PG_PASSWORD=x\n",
    "c.toml": `[pg]\npassword = "x"\n`,
    "/key": "",
  };
  const warnings = (setup: Setup) => load({ files, ...setup }).warnings.join("\n");
  const password = { env: { PG_PASSWORD: undefined, PG_PASSWORD_FILE: "/pw" } };
  const exposed =
    /^PG_PASSWORD_FILE: it holds a secret, and every user of this machine can read it; chmod o-r '\/pw'$/m;
  assert.match(warnings({ ...password, fileMode: 0o644 }), exposed);
  assert.doesNotMatch(warnings({ ...password, fileMode: 0o640 }), exposed);
  assert.match(warnings({ env: { PG_PASSWORD: undefined }, fileMode: 0o644 }), /^\.env: it holds a secret/m);
  const toml = { env: { PG_PASSWORD: undefined }, configFile: "c.toml" };
  assert.match(warnings({ ...toml, fileMode: 0o604 }), /^c\.toml: it holds a secret/m);
  const key = { KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_SSL_CERT: "/cert", KAFKA_SSL_KEY: "/key" };
  assert.match(warnings({ env: key, fileMode: 0o644 }), /^KAFKA_SSL_KEY: it holds a secret/m);
});

Deno.test("an empty value is not set: the next place decides", () => {
  const { config } = load({ env: { PG_HOST: "", PG_PORT: "  " }, files: { ".env": "PG_HOST=db\n" } });
  assert.deepEqual(config.pg.servers, [{ host: "db", port: 5432 }]);
});

Deno.test("everything that is wrong is said at once, each with its place and what to do", () => {
  const lines = problems({
    env: { PG_DATABASE: "", PG_PORT: "54x2", KAFKA_ACKS: "2" },
    files: { "c.toml": "[kafka]\n# none\ncompression = 'brotli'\nlinger_ms = -5\n" },
    configFile: "c.toml",
  });
  assert.deepEqual(lines, [
    `PG_PORT (environment): "54x2" is not a whole number; write a whole number from 1 to 65535 (port)`,
    `PG_DATABASE: not set; set it in the environment, or database under [pg] in the TOML file`,
    `[kafka] compression (c.toml line 3): "brotli" is not a valid value; write none, gzip, snappy, lz4 or zstd`,
    `KAFKA_ACKS (environment): "2" is not a valid value; write 0, 1 or all`,
    `[kafka] linger_ms (c.toml line 4): -5 is too small; write a whole number from 0 to 60000 (milliseconds)`,
  ]);
});

Deno.test("a missing variable names the one that other programs use, where that is set", () => {
  const lines = problems({ env: { PG_USERNAME: undefined, PGUSER: "ann" } });
  assert.deepEqual(lines, [
    "PG_USERNAME: not set (PGUSER is set, but pg-capture does not read it); " +
    "set it in the environment, or username under [pg] in the TOML file",
  ]);
});

Deno.test("what this version can't do yet is refused, in words that say so", () => {
  const notYet = { FORMAT: "debezium" };
  const lines = problems({ env: notYet });
  for (const name of Object.keys(notYet)) {
    const line = lines.find((line) => line.startsWith(`${name} (environment)`));
    assert.match(line ?? "", /is not available in this version yet; (use|leave)/, name);
  }
  assert.equal(lines.length, Object.keys(notYet).length);
});

Deno.test("a token endpoint is encrypted or on this machine, and what is in its URL is not repeated", () => {
  const name = "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL";
  const line = (url: string) => problems({ env: { [name]: url } }).find((each) => each.startsWith(name));
  assert.match(line("http://login.example.com/hidden") ?? "", /its protocol is "http".*write https/);
  assert.match(line("https://ann:hidden@login.example.com/") ?? "", /it contains a user or a password/);
  assert.match(line("login.example.com/hidden") ?? "", /it is not a URL/);
  assert.doesNotMatch(problems({ env: { [name]: "ftp://x:hidden@y/" } }).join(), /hidden/);
  // What is left to report is that there is no login.
  assert.match(line("http://127.0.0.1:8080/token") ?? "", /PLAINTEXT does not use SASL/);
  assert.match(line("https://login.example.com/token") ?? "", /PLAINTEXT does not use SASL/);
});

Deno.test("the values that work already are taken, written out or in other letters", () => {
  const env = {
    SNAPSHOT_MODE: "never",
    FORMAT: "Native",
    PG_SLOT_FAILOVER: "on",
  };
  assert.equal(load({ env }).config.pg.slotFailover, true);
});

Deno.test("a file gives a value, without the newline at its end, and is remembered for a secret", () => {
  const { config } = load({
    env: { PG_PASSWORD: undefined, PG_PASSWORD_FILE: "/run/secrets/pg", PG_HOST_FILE: "host.txt" },
    files: { "/run/secrets/pg": " with spaces \n", "host.txt": "db.example\r\n" },
  });
  assert.equal(config.pg.password?.reveal(), " with spaces ");
  assert.equal(config.pg.password?.file, "/run/secrets/pg");
  assert.equal(config.pg.servers[0]?.host, "db.example");
});

Deno.test("a value and its file in one place are an error; a place that decides earlier is not", () => {
  const files = { "/s": "from-file" };
  assert.deepEqual(problems({ env: { PG_PASSWORD_FILE: "/s" }, files }), [
    "PG_PASSWORD (environment): PG_PASSWORD_FILE is also set; remove one of the two",
  ]);
  const withDotenv = { "/s": "from-file", ".env": "PG_PASSWORD=from-dotenv" };
  const { config } = load({ env: { PG_PASSWORD: undefined, PG_PASSWORD_FILE: "/s" }, files: withDotenv });
  assert.equal(config.pg.password?.reveal(), "from-file");
});

Deno.test("a file that is missing, empty or unreadable is an error that names it", () => {
  const unreadable = () => {
    throw new Error("Permission denied (os error 13)");
  };
  const lines = problems({
    env: {
      PG_HOST_FILE: "/missing",
      PG_PASSWORD: undefined,
      PG_PASSWORD_FILE: "/empty",
      PG_DATABASE: undefined,
      PG_DATABASE_FILE: "/forbidden",
    },
    files: { "/empty": "\n", "/forbidden": unreadable },
    configFile: "nowhere.toml",
  });
  assert.deepEqual(lines.toSorted(), [
    "-c, --config: nowhere.toml does not exist; write the path of an existing file",
    "PG_DATABASE_FILE (environment): /forbidden can't be read: Permission denied (os error 13); make it readable by this user",
    "PG_HOST_FILE (environment): /missing does not exist; write the path of an existing file",
    "PG_PASSWORD_FILE (environment): /empty is empty; write the value of PG_PASSWORD to it",
  ]);
});

Deno.test("a .env that can't be read is left out with a warning: nobody asked for it", () => {
  const unreadable = () => {
    throw new Error("Is a directory (os error 21)");
  };
  const { warnings } = load({ files: { ".env": unreadable } });
  assert.deepEqual(warnings, [".env can't be read and is skipped: Is a directory (os error 21)"]);
});

Deno.test("no message repeats a password, wherever it was put", () => {
  const planted = "pl4nted-Pa55";
  const everywhere: readonly ConfigSources["env"][] = [
    { PG_PASSWORD: planted, PG_PORT: "x" },
    { PG_PASSWORD: undefined, PG_PASSWORD_FILE: planted },
    { PG_HOST: `postgres://ann:${planted}@db/shop` },
    { PG_HOST: `ann:${planted}` },
    { PG_HOST: `a,ann:${planted},b` },
    { PGPASSFILE: `/${planted}`, PG_PASSWORD: undefined },
    { KAFKA_BROKERS: `ann:${planted}@kafka:9092` },
    { KAFKA_BROKERS: `sasl://ann:${planted}@kafka:9092` },
    { KAFKA_SASL_PASSWORD: planted },
    { KAFKA_SASL_PASSWORD_FILE: planted },
    { KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: planted },
    { KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET_FILE: planted },
    { KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: `https://ann:${planted}@login/token` },
    { KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: `http://login/token?secret=${planted}` },
    { KAFKA_SASL_PASSWORDS: planted, KAFKA_SECURITY_PROTOCOL: "SASL_SSL" },
    { PG_PASSWORDS: planted, PG_PASSWORD: undefined },
  ];
  for (const env of everywhere) assert.doesNotMatch(problems({ env }).join("\n"), new RegExp(planted));
  for (
    const toml of [
      `[pg]\npassword = "${planted}" oops\n`,
      `[kafka]\nsasl_password = "${planted}" oops\n`,
      `[kafka]\nsasl_password = "${planted}"\n`,
      `[kafka]\nsasl_password = ["${planted}"]\n`,
      `[kafka]\nsasl_oauthbearer_client_secret = "${planted}"\n`,
      `[kafka]\nbrokers = ["ann:${planted}@kafka"]\n`,
    ]
  ) {
    assert.doesNotMatch(
      problems({ files: { "c.toml": toml }, env: { KAFKA_BROKERS: undefined }, configFile: "c.toml" }).join(
        "\n",
      ),
      new RegExp(planted),
    );
  }
});

Deno.test("acks 0 and 1 make the delivery at-least-once, with a warning", () => {
  for (const [text, acks] of [["0", 0], ["1", 1]] as const) {
    const { config, warnings } = load({ env: { KAFKA_ACKS: text, KAFKA_DELIVERY: "exactly-once" } });
    assert.equal(config.kafka.acks, acks);
    assert.equal(config.kafka.delivery, "at-least-once");
    assert.match(warnings.join(), new RegExp(`^KAFKA_ACKS=${text} limits delivery to at-least-once`));
  }
});

Deno.test("state is kept where systemd says, else where the user's state is, else below the home directory", () => {
  const file = (env: ConfigSources["env"]) => load({ env }).config.replication.checkpointFile;
  assert.equal(
    file({ STATE_DIRECTORY: "/var/lib/a:/var/lib/b", XDG_STATE_HOME: "/x" }),
    "/var/lib/a/checkpoint.kv",
  );
  assert.equal(file({ XDG_STATE_HOME: "/x" }), "/x/pg-capture/checkpoint.kv");
  assert.equal(file({ XDG_STATE_HOME: "relative" }), "/home/ann/.local/state/pg-capture/checkpoint.kv");
  assert.equal(file({ REPLICATION_CHECKPOINT_FILE: "~/c.kv" }), "/home/ann/c.kv");
  const mac = { HOME: "/Users/ann", LOCALAPPDATA: undefined };
  assert.equal(file(mac), "/Users/ann/.local/state/pg-capture/checkpoint.kv");
  // Windows itself sets no HOME; Git's shell there sets it in Windows' form.
  const local = "C:\\Users\\ann\\AppData\\Local";
  for (const HOME of [undefined, "C:\\Users\\ann"]) {
    assert.equal(file({ HOME, LOCALAPPDATA: local }), `${local}/pg-capture/checkpoint.kv`);
  }
  assert.match(
    problems({ env: { HOME: undefined } }).join("\n"),
    /^REPLICATION_CHECKPOINT_FILE: not set, and none of/,
  );
  assert.equal(load({ env: { HOME: undefined, REPLICATION_CHECKPOINT_FILE: "/c.kv" } }).warnings.length, 0);
});

Deno.test("a password that is also a name is not masked: that would tell it; a short one is", () => {
  assert.deepEqual(secretsToMask(load().config), ["p4ssw0rd"]);
  assert.deepEqual(secretsToMask(load({ env: { PG_PASSWORD: "replicator" } }).config), []);
  assert.deepEqual(secretsToMask(load({ env: { PG_PASSWORD: "a" } }).config), ["a"]);
});

Deno.test("each host has a port: one for all, or its own; in TOML as arrays too", () => {
  const servers = (env: ConfigSources["env"]) => load({ env }).config.pg.servers;
  const each = [{ host: "a", port: 1 }, { host: "/run/b", port: 2 }, { host: "::1", port: 3 }];
  assert.deepEqual(servers({ PG_HOST: "a, /run/b,::1", PG_PORT: "1,2,3" }), each);
  assert.deepEqual(servers({ PG_HOST: "a,b", PG_PORT: "6000" }).map(({ port }) => port), [6000, 6000]);
  const toml = '[pg]\nhost = ["a", "/run/b", "::1"]\nport = [1, "2", 3]\n';
  assert.deepEqual(load({ files: { "c.toml": toml }, configFile: "c.toml" }).config.pg.servers, each);
});

Deno.test("no password is needed where .pgpass has one, a client certificate is there, or over a Unix socket", () => {
  const without = (setup: Setup) => load({ ...setup, env: { PG_PASSWORD: undefined, ...setup.env } });
  const missing = (setup: Setup) => problems({ ...setup, env: { PG_PASSWORD: undefined, ...setup.env } });
  assert.equal(without({ env: { PG_HOST: "a,/run/b" } }).config.pg.password, undefined);
  const line = "*:*:shop:replicator:from-pgpass\n";
  const { config } = without({ files: { "/home/ann/.pgpass": line } });
  const name = { host: "localhost", port: 5432, database: "shop", username: "replicator" };
  assert.equal(config.pg.passwordFile?.find(name), "from-pgpass");
  assert.deepEqual(secretsToMask(config), ["from-pgpass"]);
  assert.equal(JSON.stringify(config).includes("from-pgpass"), false);
  without({ files: { "/pass": line }, env: { PGPASSFILE: "/pass" } });
  const tls = { PG_SSL_MODE: "verify-full", PG_SSL_CERT: "/c.pem", PG_SSL_KEY: "/k.pem" };
  without({ env: tls, files: { "/c.pem": "" } });
  without({ env: { PG_SSL_MODE: "require" }, files: { "/home/ann/.postgresql/postgresql.crt": "" } });

  assert.match(missing({}).join(), /^PG_PASSWORD: not set; set it in the environment/);
  assert.match(missing({ env: tls }).join(), /^PG_PASSWORD: not set;/);
  assert.match(missing({ files: { "/home/ann/.pgpass": "*:*:other:*:x" } }).join(), /^PG_PASSWORD: not set;/);
  assert.match(
    missing({ files: { "/home/ann/.pgpass": line }, fileMode: 0o640 }).join(),
    /^PG_PASSWORD: not set, and \/home\/ann\/\.pgpass is not used because group or world .*chmod 600/,
  );
});

Deno.test("a root certificate that is not there is warned of where it is not missed", () => {
  const warnings = (env: ConfigSources["env"], files = {}) =>
    load({ env: { PG_SSL_ROOT_CERT: "/ca", ...env }, files }).warnings;
  assert.match(warnings({ PG_SSL_MODE: "require" }).join(), /"\/ca" does not exist, so PG_SSL_MODE=require/);
  assert.deepEqual(warnings({ PG_SSL_MODE: "require" }, { "/ca": "x" }), []);
  assert.deepEqual(warnings({ PG_SSL_MODE: "verify-ca" }), []);
});

interface Setup {
  readonly env?: ConfigSources["env"];
  readonly files?: Readonly<Record<string, string | (() => string)>>;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly linkUid?: number;
  readonly configFile?: string;
  readonly overrides?: NonNullable<ConfigSources["overrides"]>;
}

function load({ env = {}, files = {}, fileMode = 0o600, uid = 0, linkUid = uid, ...rest }: Setup = {}) {
  return loadConfig({
    env: { ...REQUIRED, ...env },
    readTextFile(path) {
      const content = files[path];
      return typeof content === "function" ? content() : content;
    },
    fileFacts: (path) => path in files ? { isFile: true, mode: fileMode, uid, linkUid } : undefined,
    ownUid: () => 1000,
    ...rest,
  });
}

function problems(setup: Setup): readonly string[] {
  try {
    load(setup);
  } catch (error) {
    if (error instanceof ConfigurationErrors) return error.lines;
    throw error;
  }
  throw new assert.AssertionError({ message: "the configuration was taken" });
}
