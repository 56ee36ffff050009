// What a log line looks like, whatever the message and its fields hold.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { Secret } from "../../../src/config/secret.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import { describeError } from "../../../src/observability/error_chain.ts";
import { escapeControls } from "../../../src/observability/escape.ts";
import { formatLogLine, type LogFields } from "../../../src/observability/log_line.ts";
import { maskSecrets } from "../../../src/observability/mask.ts";

const TIME_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

Deno.test("a plain line is time, level, message, and the fields that need it in quotes", () => {
  const fields = {
    slot: "orders",
    reason: 'is "held"',
    empty: "",
    lsn: 5n,
    count: 3,
    ok: true,
    lag: null,
    none: undefined,
  };
  assert.equal(
    plain("Started", fields),
    '2026-01-02T03:04:05.678Z info  Started slot=orders reason="is \\"held\\"" empty="" lsn=5 count=3 ok=true lag=-\n',
  );
});

Deno.test("a JSON line is one object with the fields in it; a field can't take the place of time, level or message", () => {
  assert.deepEqual(
    JSON.parse(json("Started", { slot: "a", lsn: 5n, lag: null, none: undefined, level: "fake" })),
    {
      time: "2026-01-02T03:04:05.678Z",
      level: "info",
      message: "Started",
      slot: "a",
      lsn: "5",
      lag: null,
      field_level: "fake",
    },
  );
});

Deno.test("line breaks, terminal escapes, changes of direction and separators can't leave a line or steer a terminal", () => {
  const evil = "a\nb\r\t\u0000\u001b[31m\u007f\u009b\u2028\u2029\u202e\u200f\ufeff\u{e0041}";
  const escaped = String.raw`a\nb\r\t\u0000\u001b[31m\u007f\u009b\u2028\u2029\u202e\u200f\ufeff\udb40\udc41`;
  assert.equal(escapeControls(evil), escaped);
  for (
    const line of [
      plain(evil, { [`k${evil}`]: evil, e: new Error(evil) }),
      json(evil, { [`k${evil}`]: evil }),
    ]
  ) {
    assert.match(line, /^[\x20-\x7e]+\n$/);
  }
  assert.equal(JSON.parse(json(evil)).message, evil);
});

Deno.test("a JSON line holds a value exactly, also an emoji or half of one", () => {
  for (const value of ["😀", "\ud83d", 'q"\\']) assert.equal(JSON.parse(json("m", { value })).value, value);
});

Deno.test("an error is shown as the chain of its causes' messages, without a stack", () => {
  const cause = new Error("connect failed", { cause: new Error("ECONNREFUSED") });
  const error = new CaptureError("kafka-unavailable", "Cannot reach Kafka", { cause });
  assert.equal(describeError(error), "Cannot reach Kafka: connect failed: ECONNREFUSED");
  assert.match(plain("m", { error }), / error="Cannot reach Kafka: connect failed: ECONNREFUSED"\n$/);
  assert.equal(JSON.parse(json("m", { error })).error, "Cannot reach Kafka: connect failed: ECONNREFUSED");
});

Deno.test("a chain that says the same twice, runs in circles or is no error at all still ends in a text", () => {
  assert.equal(describeError(new Error("a: b", { cause: new Error("b") })), "a: b");
  const circular = new Error("round");
  circular.cause = circular;
  assert.equal(describeError(circular), "round");
  assert.equal(describeError(new AggregateError([new Error("a"), "b"])), "a; b");
  assert.equal(describeError(new TypeError("")), "TypeError");
  assert.equal(describeError("text"), "text");
  assert.equal(describeError(undefined), "unknown error");
  assert.equal(describeError({ password: "x" }), "[object Object]");
  assert.equal(describeError(Object.create(null)), "[object Object]");
});

Deno.test("known secrets are cut out of message, fields, errors and nested values, also as a URL has them", () => {
  const secrets = ['p@ss "wörd"', 'p@ss "wörd" 2'];
  const url = `postgres://u:${encodeURIComponent(secrets[1] ?? "")}@h`;
  const fields: LogFields = {
    a: secrets[0],
    b: [`x${secrets[1]}x`],
    error: new Error("m", { cause: new Error(url) }),
    secret: new Secret("other"),
  };
  for (const format of ["plain", "json"] as const) {
    const line = formatLogLine(
      format,
      { timeMs: TIME_MS, level: "warn", message: `m ${secrets[1]}`, fields },
      secrets,
    );
    assert.doesNotMatch(line, /p@ss|p%40ss|w\\?ö|other/);
    assert.equal(line.split("[secret]").length, 6, line);
  }
  assert.equal(maskSecrets(`${secrets[1]}|${secrets[0]}`, secrets), "[secret]|[secret]");
});

Deno.test("a secret is cut out in every form that a text may hold it in: of JSON, of JSON in JSON, of SQL, escaped", () => {
  const secret = `p"w'\\\u202e\n\té`;
  const json = JSON.stringify(secret);
  const forms = [
    secret,
    json,
    JSON.stringify(json),
    `"${secret.replaceAll('"', '""')}"`,
    `'${secret.replaceAll("'", "''")}'`,
    encodeURIComponent(secret),
    escapeControls(secret),
    escapeControls(json),
  ];
  for (const form of forms) {
    for (const format of ["plain", "json"] as const) {
      const fields = { text: form, list: [form], error: new Error("m", { cause: new Error(form) }) };
      const message = { timeMs: TIME_MS, level: "warn", message: `m ${form}`, fields } as const;
      const line = formatLogLine(format, message, [secret]);
      assert.equal(line.split("[secret]").length - 1, 4, line);
      assert.doesNotMatch(line, /202e|p\\*"+w/, line);
    }
  }
});

Deno.test("a short secret is cut out where it stands alone, and leaves words and JSON as they are", () => {
  const secrets = ["abc", "7", ":"];
  assert.equal(
    maskSecrets("abc abcd xabc u:abc@h 7 77 a7 7.", secrets),
    "[secret] abcd xabc u:[secret]@h [secret] 77 a7 [secret].",
  );
  const line = formatLogLine(
    "json",
    { timeMs: TIME_MS, level: "warn", message: "pid 7", fields: { pid: 7, lsn: 7n, other: 77, abc: "abc" } },
    secrets,
  );
  assert.deepEqual(JSON.parse(line), {
    time: "2026-01-02T03:04:05.678Z",
    level: "warn",
    message: "pid [secret]",
    pid: "[secret]",
    lsn: "[secret]",
    other: 77,
    abc: "[secret]",
  });
});

Deno.test("any text can be a secret", () => {
  const anyText = fc.string({ unit: "binary", minLength: 1 });
  fc.assert(fc.property(anyText, anyText, (secret, other) => {
    const masked = maskSecrets(`= ${secret} =`, [secret, other]);
    assert(secret.length < 4 || "[secret]".includes(secret) || !masked.includes(secret), masked);
  }));
});

Deno.test("a mask is not masked again: a secret may be a part of the word that stands for one", () => {
  assert.equal(
    maskSecrets("longer-secret secret cret", ["longer-secret", "secret", "cret"]),
    "[secret] [secret] [secret]",
  );
});

Deno.test("a value that can't be serialized does not lose the line", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const fields = { circular, run: () => 1, mark: Symbol("m"), after: 1 };
  assert.match(plain("m", { circular, after: 1 }), / m circular="\[object\]" after=1\n$/);
  const { circular: shown, run, mark, after, message } = JSON.parse(json("m", fields));
  assert.deepEqual({ shown, run, mark, after, message }, {
    shown: "[object]",
    run: "[function]",
    mark: "[symbol]",
    after: 1,
    message: "m",
  });
});

function plain(message: string, fields: LogFields = {}): string {
  return formatLogLine("plain", { timeMs: TIME_MS, level: "info", message, fields }, []);
}

function json(message: string, fields: LogFields = {}): string {
  return formatLogLine("json", { timeMs: TIME_MS, level: "info", message, fields }, []);
}

Deno.test("a fix stands last and as it is, for a person to copy", () => {
  const fields = { fix: 'CREATE PUBLICATION "p" FOR ALL TABLES;', retry_in_ms: 5 };
  const line = formatLogLine("plain", { timeMs: 0, level: "error", message: "Cannot", fields }, []);
  assert.equal(
    line.endsWith('Cannot retry_in_ms=5 fix: CREATE PUBLICATION "p" FOR ALL TABLES;\n'),
    true,
    line,
  );
});
