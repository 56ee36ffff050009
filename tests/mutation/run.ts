// deno task test:mutation [--fast] [--only TEXT]: breaks the delivery path, one place after another, and tells
// whether the tests notice. First the unit tests that load the broken file; then, unless --fast is given, the quick
// tests with servers, for what they did not notice. Exits with 1 when something was noticed by none.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Mutation, MUTATIONS } from "./mutations.ts";
import { SNAPSHOT_MUTATIONS } from "./snapshot_mutations.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
/** At the same time, each in a copy of its own. */
const COPIES = 2;
const UNIT_MS_MAX = 120_000;
const SERVERS_MS_MAX = 30 * 60_000;

const { values: options } = parseArgs({
  args: Deno.args,
  options: { fast: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});
const chosen = [...MUTATIONS, ...SNAPSHOT_MUTATIONS].filter(({ breaks, file }) =>
  `${file} ${breaks}`.includes(options.only)
);
const survivors = await tryAll(chosen);
print(`${chosen.length - survivors.length} of ${chosen.length} noticed`);
for (const { file, breaks } of survivors) print(`NOT NOTICED ${file}: ${breaks}`);
Deno.exit(survivors.length === 0 ? 0 : 1);

async function tryAll(mutations: readonly Mutation[]): Promise<readonly Mutation[]> {
  const tests = await unitTests();
  const waiting = [...mutations];
  const survivors: Mutation[] = [];
  await Promise.all(Array.from({ length: COPIES }, async () => {
    const copy = await copyTree();
    try {
      for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
        const noticed = await tryOne(copy, mutation, tests);
        print(`${noticed ?? "NOT NOTICED"}\t${mutation.file}: ${mutation.breaks}`);
        if (noticed === undefined) survivors.push(mutation);
      }
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  }));
  return survivors;
}

/** @returns which kind of tests noticed it */
async function tryOne(
  copy: string,
  { file, find, replace }: Mutation,
  tests: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<"unit" | "servers" | undefined> {
  const whole = await Deno.readTextFile(`${copy}/${file}`);
  await Deno.writeTextFile(`${copy}/${file}`, whole.replace(find, () => replace));
  try {
    const loading = [...tests].filter(([, files]) => files.has(file)).map(([test]) => test);
    if (loading.length > 0 && !await passes(copy, testCommand(loading), UNIT_MS_MAX)) return "unit";
    if (options.fast) return undefined;
    // Those that notice most come first.
    for (const paths of [["tests/integration/capture_test.ts"], ["tests/fault", "tests/integration"]]) {
      const command = ["run", "--quiet", "-A", "dev/servers/with_servers.ts", "deno", ...testCommand(paths)];
      if (!await passes(copy, command, SERVERS_MS_MAX)) return "servers";
    }
    return undefined;
  } finally {
    await Deno.writeTextFile(`${copy}/${file}`, whole);
  }
}

/** The compiler may notice a mutation, too, but that is no test. */
function testCommand(paths: readonly string[]): string[] {
  return ["test", "-A", "--quiet", "--no-check", "--fail-fast", ...paths];
}

async function passes(cwd: string, args: readonly string[], msMax: number): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd, stdout: "null", stderr: "null" })
    .spawn();
  const timer = setTimeout(() => child.kill("SIGTERM"), msMax);
  const { success } = await child.status;
  clearTimeout(timer);
  return success;
}

/** What git knows of, as it is in the working tree. */
async function copyTree(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "pg-capture-mutation-" });
  const { stdout } = await new Deno.Command("git", { args: ["ls-files", "-z"], cwd: ROOT }).output();
  const files = new TextDecoder().decode(stdout).split("\0").filter((file) =>
    /^(src|dev|tests|docs|bench|\.envrc|deno)/.test(file)
  );
  for (const file of files) {
    await Deno.mkdir(`${copy}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(`${ROOT}/${file}`, `${copy}/${file}`);
  }
  for (const shared of ["node_modules", ".cache"]) {
    await Deno.symlink(`${ROOT}/${shared}`, `${copy}/${shared}`);
  }
  return copy;
}

/** The unit and property tests, and the files of the program that each of them loads. */
async function unitTests(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const tests = new Map<string, ReadonlySet<string>>();
  const names = ["unit", "property"].flatMap((folder) =>
    readdirSync(`${ROOT}/tests/${folder}`, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("_test.ts"))
      .map((name) => `tests/${folder}/${name}`)
  );
  for (const test of names) {
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", test], cwd: ROOT })
      .output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: { local?: string }[] };
    tests.set(test, new Set(modules.map(({ local = "" }) => local.replace(`${ROOT}/`, ""))));
  }
  return tests;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
