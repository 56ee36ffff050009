// What a command line asks for.

import { strict as assert } from "node:assert";
import { parseArguments } from "../../../src/cli/args.ts";

const PLAIN_RUN = { kind: "run", configFile: undefined, jsonLogs: false, verbose: false };

Deno.test("without a command it is run", () => {
  assert.deepEqual(parseArguments([]), PLAIN_RUN);
  assert.deepEqual(parseArguments(["run"]), PLAIN_RUN);
});

Deno.test("options stand before or after the command, short, long, joined or with an equals sign", () => {
  const expected = { kind: "run", configFile: "a.toml", jsonLogs: true, verbose: true };
  const lines = [
    "-jv -c a.toml",
    "run --config=a.toml --json-logs --verbose",
    "-jvc a.toml run",
    "-c b -c a.toml -j -v",
  ];
  for (const line of lines) assert.deepEqual(parseArguments(line.split(" ")), expected, line);
});

Deno.test("help and version win over whatever else is there", () => {
  for (const line of ["-h", "--help", "--nonsense -h", "help", "nonsense --help"]) {
    assert.deepEqual(parseArguments(line.split(" ")), { kind: "help" }, line);
  }
  for (const line of ["status --help", "-h status", "help status", "status --nonsense -h"]) {
    assert.deepEqual(parseArguments(line.split(" ")), { kind: "help", command: "status" }, line);
  }
  for (const line of ["-V", "--version", "nonsense -jV"]) {
    assert.deepEqual(parseArguments(line.split(" ")), { kind: "version" }, line);
  }
});

Deno.test("what isn't known is told, with what was probably meant", () => {
  const messages: Readonly<Record<string, string>> = {
    "--verbos": 'Unknown option "--verbos"; did you mean --verbose?',
    "--no-json-logs": 'Unknown option "--no-json-logs"',
    "-x": 'Unknown option "-x"',
    "-jx": 'Unknown option "-x"',
    "--__proto__": 'Unknown option "--__proto__"',
    "--verbose=1": "--verbose takes no value",
    "-c": "-c needs a FILE",
    "--config=": "--config needs a FILE",
    "-c -j": "-c needs a FILE",
    "statsu": 'Unknown command "statsu"; did you mean status?',
    "constructor": 'Unknown command "constructor"',
    "run now": 'Unexpected argument "now"',
    "-- -j": 'Unknown command "-j"',
    "run --yes": "--yes is not an option of run",
    "--json": "--json is not an option of run",
    "help statsu": 'Unknown command "statsu"; did you mean status?',
    "help check run": 'Unexpected argument "run"',
    "completion": "completion needs a shell: bash, zsh or fish",
    "completion tcsh": 'Unknown shell "tcsh": bash, zsh or fish',
  };
  for (const [line, message] of Object.entries(messages)) {
    assert.deepEqual(parseArguments(line.split(" ")), { kind: "wrong", message }, line);
  }
});

Deno.test("each command has options of its own", () => {
  const common = { configFile: undefined, jsonLogs: false, verbose: false };
  const teardown = { kind: "teardown", yes: false, publication: false, progress: false, ...common };
  const invocations: Readonly<Record<string, unknown>> = {
    "check": { kind: "check", json: false, ...common },
    "status --json": { kind: "status", json: true, ...common },
    "status --health -v": { kind: "health", ...common, verbose: true },
    "status --health --json": { kind: "wrong", message: "--health and --json can't be used together" },
    "check --health": { kind: "wrong", message: "--health is not an option of check" },
    "tail -v": { kind: "tail", ...common, verbose: true },
    "teardown": teardown,
    "teardown --yes -c a": { ...teardown, yes: true, configFile: "a" },
    "--progress teardown --publication": { ...teardown, publication: true, progress: true },
    "completion zsh": { kind: "completion", shell: "zsh" },
    "check --yes": { kind: "wrong", message: "--yes is not an option of check" },
    "tail public.users": { kind: "wrong", message: 'Unexpected argument "public.users"' },
  };
  for (const [line, invocation] of Object.entries(invocations)) {
    assert.deepEqual(parseArguments(line.split(" ")), invocation, line);
  }
});

Deno.test("the command of a later version is known, with its arguments", () => {
  const line = ["snapshot", "public.users"];
  assert.deepEqual(parseArguments(line), { kind: "unavailable", command: "snapshot" });
});
