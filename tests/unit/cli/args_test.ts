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

Deno.test("snapshot takes tables, or says which snapshots it is about", () => {
  const common = { configFile: undefined, jsonLogs: false, verbose: false };
  const start = { kind: "start", tables: ["public.users"], where: null, wait: false };
  const actions: readonly (readonly [argv: readonly string[], action: unknown])[] = [
    [["public.users"], start],
    [["public.users", "sales.*", "--wait"], { ...start, tables: ["public.users", "sales.*"], wait: true }],
    [["--where", "id < 7 AND true", "public.users"], { ...start, where: "id < 7 AND true" }],
    [["public.users", "--where=-id < 7"], { ...start, where: "-id < 7" }],
    [["--list"], { kind: "list", json: false }],
    [["--list", "--json"], { kind: "list", json: true }],
    [["--pause"], { kind: "pause", tables: [] }],
    [["--resume", "public.users"], { kind: "resume", tables: ["public.users"] }],
    [["public.users", "--stop"], { kind: "stop", tables: ["public.users"] }],
  ];
  for (const [argv, action] of actions) {
    assert.deepEqual(parseArguments(["snapshot", ...argv]), { kind: "snapshot", action, ...common });
  }
});

Deno.test("what snapshot can't do together is told", () => {
  const messages: Readonly<Record<string, string>> = {
    "": "snapshot needs a TABLE such as public.users, or --list, --pause, --resume or --stop",
    "--wait": "snapshot needs a TABLE such as public.users, or --list, --pause, --resume or --stop",
    "--where true": "snapshot needs a TABLE such as public.users, or --list, --pause, --resume or --stop",
    "--list --pause": "--list and --pause can't be used together",
    "--resume --stop a.b": "--resume and --stop can't be used together",
    "--pause --wait": "--wait and --pause can't be used together",
    "--list --where true": "--where and --list can't be used together",
    "--list a.b": 'Unexpected argument "a.b"',
    "a.b --json": "--json needs --list",
    "a.b --where": "--where needs an SQL condition",
    "a.b --where= ": "--where needs an SQL condition",
    "a.b --where --wait": "--where needs an SQL condition",
    "a.b --yes": "--yes is not an option of snapshot",
  };
  for (const [line, message] of Object.entries(messages)) {
    const argv = line === "" ? [] : line.split(/ (?!$)/);
    assert.deepEqual(parseArguments(["snapshot", ...argv]), { kind: "wrong", message }, line);
  }
});
