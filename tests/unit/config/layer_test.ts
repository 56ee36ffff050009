// How .env and TOML files are read, and how their mistakes are told.

import { strict as assert } from "node:assert";
import { formatProblem } from "../../../src/config/configuration_errors.ts";
import { readDotenv } from "../../../src/config/dotenv_file.ts";
import type { Layer } from "../../../src/config/layer.ts";
import { readToml } from "../../../src/config/toml_file.ts";

Deno.test(".env: quotes, export, comments, Windows line ends and a byte order mark are understood", () => {
  const layer = readDotenv(
    "\uFEFF# comment\r\nexport PG_HOST=db # the host\r\nPG_PASSWORD='a#b $c'\r\nPG_DATABASE=\"shop\"\r\nOTHER=1\r\n",
    ".env",
  );
  assert.deepEqual(texts(layer), { PG_HOST: "db", PG_PASSWORD: "a#b $c", PG_DATABASE: "shop" });
  assert.deepEqual(layer.problems, []);
  assert.equal(layer.given.get("PG_PASSWORD")?.setting, "PG_PASSWORD (.env line 3)");
});

Deno.test(".env: of two lines for one name the last one counts, and is the one that messages name", () => {
  const given = readDotenv("PG_HOST=a\n\nPG_HOST=b\n", ".env").given.get("PG_HOST");
  assert.deepEqual(given, { text: "b", setting: "PG_HOST (.env line 3)" });
});

Deno.test(".env: a '#' inside an unquoted value is not guessed at", () => {
  assert.deepEqual(lines(readDotenv("\nPG_PASSWORD=a#b\nUNRELATED=a#b\nPG_HOST=a #b\n", ".env")), [
    'PG_PASSWORD (.env line 2): unclear whether the "#" belongs to the value or begins a comment; ' +
    'put the value in quotes, or put a space before the "#"',
  ]);
});

Deno.test("TOML: numbers, booleans, texts and arrays stand for what the environment would hold", () => {
  const layer = readToml(
    `format.format = "native"
[pg]
port = 6543
slot_failover = true
password_file = "/run/secrets/pg"
host = ""
[kafka]
brokers = ["a:1", "b:2"]
acks = 1
buffer_memory = 67_108_864
`,
    "c.toml",
  );
  assert.deepEqual(lines(layer), []);
  assert.deepEqual(texts(layer), {
    FORMAT: "native",
    PG_PORT: "6543",
    PG_SLOT_FAILOVER: "true",
    PG_PASSWORD_FILE: "/run/secrets/pg",
    KAFKA_BROKERS: "a:1,b:2",
    KAFKA_ACKS: "1",
    KAFKA_BUFFER_MEMORY: "67108864",
  });
  assert.equal(layer.given.get("KAFKA_ACKS")?.setting, "[kafka] acks (c.toml line 9)");
});

Deno.test("TOML: the line is that of the key's own section", () => {
  const layer = readToml(`[metrics]\nhost = "m"\nport = 1\n\n[pg]\nport = 2\n`, "c.toml");
  assert.equal(layer.given.get("PG_PORT")?.setting, "[pg] port (c.toml line 6)");
  assert.equal(layer.given.get("METRICS_PORT")?.setting, "[metrics] port (c.toml line 3)");
});

Deno.test("TOML: every unknown key is an error, with the one that was meant", () => {
  const expected: Readonly<Record<string, string>> = {
    "[pg]\nslotname = 'a'": "[pg] slotname (c.toml line 2): there is no such key; did you mean slot_name?",
    "[pg]\npasword = 'a'": "[pg] pasword (c.toml line 2): there is no such key; did you mean password?",
    "[pg]\npasword_file = 'a'":
      "[pg] pasword_file (c.toml line 2): there is no such key; did you mean password_file?",
    "[pg]\nPort = 1": "[pg] Port (c.toml line 2): there is no such key; did you mean port?",
    "[pg]\npg_port = 1": "[pg] pg_port (c.toml line 2): there is no such key; did you mean port?",
    "[pg]\nuser = 'a'": "[pg] user (c.toml line 2): there is no such key; did you mean username?",
    "[pg]\nbrokers = 'a'":
      "[pg] brokers (c.toml line 2): there is no such key; did you mean [kafka] brokers?",
    "[logging]\ncolour = 1":
      "[logging] colour (c.toml line 2): there is no such key; the keys of [logging] are level, format",
    "[kafak]\nacks = 1": "[kafak] (c.toml line 1): there is no such section; did you mean [kafka]?",
    "pg_port = 1": "[pg_port] (c.toml line 1): it is in no section; write port under [pg]",
    "[database]\nx = 1":
      "[database] (c.toml line 1): there is no such section; the sections are pg, kafka, replication, snapshot, format, logging or metrics",
    "[__proto__]\nx = 1":
      "[__proto__] (c.toml line 1): there is no such section; the sections are pg, kafka, replication, snapshot, format, logging or metrics",
    "pg = 1": "[pg] (c.toml line 1): it is not a section; write [pg] and its keys below it",
  };
  for (const [source, line] of Object.entries(expected)) {
    assert.deepEqual(lines(readToml(source, "c.toml")), [line], source);
  }
});

Deno.test("TOML: a value of a type that can't be meant is an error that does not show it", () => {
  const wrong = [
    "[pg]\npassword = 12345",
    "[pg]\nconnect_timeout_secs = [12345]",
    "[pg]\nport = {a=12345}",
    "[kafka]\nbrokers = [12345]",
  ];
  for (const source of [...wrong, "[pg]\nport = 2026-01-01"]) {
    const found = lines(readToml(source, "c.toml"));
    assert.match(
      found.join("\n"),
      /^\[\w+\] \w+ \(c\.toml line 2\): the value has the wrong type; write /,
      source,
    );
    assert.doesNotMatch(found.join("\n"), /12345/);
  }
});

Deno.test("TOML: broken text is one error with its line, and none of the text", () => {
  assert.deepEqual(lines(readToml(`[pg]\nhost = "a"\npassword = "secret-part\n`, "c.toml")).length, 1);
  const [line] = lines(readToml(`[pg]\nport = 1\nport = 2\npassword = "hidden"\n`, "c.toml"));
  assert.match(
    line ?? "",
    /^c\.toml line 3: invalid TOML: trying to redefine an already defined table or value; /,
  );
  assert.doesNotMatch(line ?? "", /hidden/);
});

function texts(layer: Layer): Readonly<Record<string, string>> {
  return Object.fromEntries([...layer.given].map(([name, { text }]) => [name, text]));
}

function lines(layer: Layer): readonly string[] {
  return layer.problems.map(formatProblem);
}
