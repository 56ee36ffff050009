// deno task test:fault [--seed N] [--minutes N]: all fault tests, the slow ones too, and then a random mix of faults.
// With --seed only the mix: a failure prints the seed that does the same again.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cleanUp } from "../../dev/servers/janitor.ts";
import { SLOW_TESTS } from "../support/speed.ts";
import { mixFaults } from "./mix.ts";

const MINUTES_DEFAULT = 3;

let exitCode = 1;
try {
  exitCode = await run(Deno.args);
} finally {
  await cleanUp();
}
Deno.exit(exitCode);

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { seed: { type: "string" }, minutes: { type: "string" } },
  });
  const seed = numberOf("seed", values.seed) ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const minutes = numberOf("minutes", values.minutes) ?? MINUTES_DEFAULT;
  if (values.seed === undefined && !await runTests()) return 1;
  try {
    await mixFaults(seed, minutes, print);
    return 0;
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === "" || !(value >= 0)) {
    throw new Error(`--${option} must be a number that is not negative: "${text}"`);
  }
  return value;
}

async function runTests(): Promise<boolean> {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const withServers = fileURLToPath(new URL("../../dev/servers/with_servers.ts", import.meta.url));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", withServers, "deno", "test", "-A", "--quiet", here],
    env: { [SLOW_TESTS]: "1" },
  }).spawn().status;
  return success;
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
