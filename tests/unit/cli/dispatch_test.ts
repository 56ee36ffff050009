// From arguments to output and exit code.

import { strict as assert } from "node:assert";
import { dispatch, type World } from "../../../src/cli/dispatch.ts";
import { FailureReport } from "../../../src/cli/failure_report.ts";
import { commandHelp, USAGE } from "../../../src/cli/usage.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import { describeVersion, VERSION } from "../../../src/version.ts";

const ENV = {
  HOME: "/h",
  PG_DATABASE: "d",
  PG_USERNAME: "u",
  PG_PASSWORD: "pl4nted-Pa55",
  KAFKA_BROKERS: "k",
};

Deno.test("help and version go to standard output and end with 0", async () => {
  assert.deepEqual(await outcome(["-h"]), { code: 0, out: USAGE, err: "" });
  assert.deepEqual(await outcome(["help", "tail"]), { code: 0, out: commandHelp("tail"), err: "" });
  assert.deepEqual(await outcome(["-V"]), { code: 0, out: `pg-capture ${VERSION} (from source)\n`, err: "" });
});

Deno.test("an executable's version says what it was built from", () => {
  const build = { commit: "1f2e3d4c5b6a", date: "2026-11-22", target: "aarch64-apple-darwin" };
  assert.equal(
    describeVersion(build),
    `pg-capture ${VERSION} (1f2e3d4c5b6a, 2026-11-22, aarch64-apple-darwin)`,
  );
});

Deno.test("the version is deno.json's", async () => {
  const denoJson = await Deno.readTextFile(new URL("../../../deno.json", import.meta.url));
  assert.equal(VERSION, JSON.parse(denoJson).version);
});

Deno.test("a wrong option or command shows the usage on standard error and ends with 2", async () => {
  assert.deepEqual(await outcome(["--nope"]), {
    code: 2,
    out: "",
    err: `Unknown option "--nope"\n\n${USAGE}`,
  });
  assert.deepEqual(await outcome(["a\u001b[2J"]), {
    code: 2,
    out: "",
    err: `Unknown command "a\\u001b[2J"\n\n${USAGE}`,
  });
});

Deno.test("a command that ends by itself gets the configuration and what it is to do", async () => {
  let seen: unknown;
  const result = await outcome(["snapshot", "--pause", "public.users"], {
    execute: (invocation, config) => {
      seen = [invocation.kind, "action" in invocation && invocation.action, config.pg.database];
      return Promise.resolve(3);
    },
  });
  assert.deepEqual(result, { code: 3, out: "", err: "" });
  assert.deepEqual(seen, ["snapshot", { kind: "pause", tables: ["public.users"] }, "d"]);
});

Deno.test("run gets the configuration and its warnings, and its exit code is the program's", async () => {
  let seen = "";
  const result = await outcome(["-jv"], {
    env: () => ({ ...ENV, KAFKA_ACKS: "1" }),
    run: ({ config, warnings }) => {
      seen = `${config.pg.database} ${config.logging.level} ${config.logging.format} ${warnings.length}`;
      return Promise.resolve(7);
    },
  });
  assert.deepEqual(result, { code: 7, out: "", err: "" });
  assert.equal(seen, "d debug json 1");
});

Deno.test("what is wrong with the configuration is said one problem a line, and the exit code is 2", async () => {
  const env = () => ({ ...ENV, PG_DATABASE: "", PG_PORT: "x\u001b[2J\u009b2J" });
  const { code, out, err } = await outcome([], { env });
  assert.deepEqual({ code, out }, { code: 2, out: "" });
  assert.deepEqual(err.split("\n").map((line) => line.split(":")[0]), [
    "PG_PORT (environment)",
    "PG_DATABASE",
    "",
  ]);
  assert.match(err, /^[\x20-\x7e\n]+$/);
});

Deno.test("with JSON logs the configuration's problems are JSON lines too", async () => {
  const { err } = await outcome(["-j"], { env: () => ({ ...ENV, PG_DATABASE: "" }) });
  const { level, message } = JSON.parse(err);
  assert.equal(level, "error");
  assert.match(message, /^PG_DATABASE: not set; /);
});

Deno.test("an error that needs a person ends with the exit code of its kind, in one line with the fix", async () => {
  const error = new CaptureError("slot-unusable", 'Cannot use slot "s": it is invalidated', {
    hint: "make a new one",
  });
  const { code, err } = await outcome([], { run: () => Promise.reject(error) });
  assert.equal(code, 3);
  assert.match(err, /^\S+ error Cannot use slot "s": it is invalidated fix: make a new one\n$/);
});

Deno.test("a bug ends with 1 and one line: causes, no stack, no secret", async () => {
  const cause = new Error("password pl4nted-Pa55 rejected\nsecond line");
  const { code, err } = await outcome([], {
    run: () => Promise.reject(new TypeError("x is undefined", { cause })),
  });
  assert.equal(code, 1);
  assert.match(
    err,
    /^\S+ error This is a bug in pg-capture [\d.]+: x is undefined: password \[secret\] rejected\\nsecond line\n$/,
  );
});

Deno.test("at debug level a bug's stack is in the same line", async () => {
  const { err } = await outcome(["-v"], { run: () => Promise.reject(new Error("oops pl4nted-Pa55")) });
  assert.match(err, / stack="Error: oops \[secret\]\\n +at .*dispatch_test/);
  assert.equal(err.indexOf("\n"), err.length - 1);
});

async function outcome(argv: readonly string[], changes: Partial<World> = {}) {
  let out = "";
  let err = "";
  const standardError = (text: string) => void (err += text);
  const code = await dispatch(argv, {
    env: () => ENV,
    readTextFile: () => undefined,
    fileFacts: () => undefined,
    ownUid: () => 1000,
    standardOutput: (text) => void (out += text),
    standardError,
    failure: new FailureReport(standardError),
    run: () => Promise.resolve(0),
    execute: () => Promise.resolve(0),
    ...changes,
  });
  return { code, out, err };
}
