// `deno task compile`: makes the executable dist/pg-capture, or with --target or --all those of other machines.
//
// `deno compile` by itself embeds every package of the lock file, those of the tests too. So the program is bundled
// into one file first, and the file is compiled in a folder where no lock file is found.

import { fileURLToPath } from "node:url";
import type { Build } from "../../src/version.ts";
import { compileJobs } from "./compile_targets.ts";
import { checkedRuntime, DENO_RELEASES } from "./denort.ts";

// The same as of the `start` task in deno.json, and no more; a test compares them.
export const PERMISSIONS = [
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-sys=uid",
] as const;
/**
 * A small young generation: the program makes hardly any garbage, and the default lets 16 MB of it gather. And one
 * optimizing compiler: the second one, which is there to be quick, takes memory and gains nothing here
 * (docs/BENCHMARKS.md).
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--max-old-space-size=512,--no-maglev";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIST = `${ROOT}dist`;
const BUNDLE_FOLDER = `${DIST}/bundle`;
const BUNDLE = `${BUNDLE_FOLDER}/pg-capture.js`;

if (import.meta.main) {
  try {
    await compile(Deno.args);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}

/** @param args as in `compileJobs` */
async function compile(args: readonly string[]): Promise<void> {
  const jobs = compileJobs(args, Deno.build.target);
  await Deno.remove(BUNDLE_FOLDER, { recursive: true }).catch(() => {});
  await Deno.mkdir(BUNDLE_FOLDER, { recursive: true });
  const bundled = `${BUNDLE_FOLDER}/plain.js`;
  await deno(ROOT, ["bundle", "--quiet", "--platform", "deno", "--output", bundled, "src/main.ts"]);
  const program = await Deno.readTextFile(bundled);
  const source = await sourceOfBuild();
  const sums: string[] = [];
  for (const { target, fileName } of jobs) {
    const build: Build = { ...source, target };
    await Deno.writeTextFile(BUNDLE, `const PG_CAPTURE_BUILD = ${JSON.stringify(build)};\n${program}`);
    // The file's time goes into the executable.
    const day = Date.parse(source.date);
    await Deno.utime(BUNDLE, new Date(day || 0), new Date(day || 0));
    await compileBundle(target, `${DIST}/${fileName}`);
    sums.push(`${await sha256(`${DIST}/${fileName}`)}  ${fileName}\n`);
    print(`dist/${fileName}: ${((await Deno.stat(`${DIST}/${fileName}`)).size / 1e6).toFixed(0)} MB`);
  }
  // The form that `sha256sum --check` reads.
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, sums.join(""));
  await Deno.remove(BUNDLE_FOLDER, { recursive: true });
}

/** No configuration and no lock file: nothing but the bundle goes in. It was type-checked before it was bundled. */
async function compileBundle(target: string, output: string): Promise<void> {
  const runtime = await runtimeFile(target);
  const env = runtime === undefined ? {} : { DENORT_BIN: runtime };
  await deno(BUNDLE_FOLDER, [
    "compile",
    "--quiet",
    "--no-config",
    "--no-check",
    "--no-lock",
    "--no-npm",
    // Deno would keep V8's code cache in a file of the temporary folder, with a name that anybody can foresee and plant.
    "--no-code-cache",
    "--unstable-kv",
    // What is not allowed is refused, not asked for.
    "--no-prompt",
    ...PERMISSIONS,
    V8_FLAGS,
    "--target",
    target,
    "--output",
    output,
    BUNDLE,
  ], env);
}

/**
 * Where the runtime lies that has this project's checksum; undefined where `deno compile` is to find one by
 * itself.
 * @throws Error where REQUIRE_DENORT_SUMS=1 asks for a checksum, as a release does, and there is none
 */
async function runtimeFile(target: string): Promise<string | undefined> {
  if (Deno.env.get("DENORT_BIN")) return undefined;
  const sums = await Deno.readTextFile(`${ROOT}dev/release/denort.sha256`);
  const runtime = await checkedRuntime({ baseUrl: DENO_RELEASES, version: Deno.version.deno, sums }, target);
  if (runtime === undefined) {
    if (Deno.env.get("REQUIRE_DENORT_SUMS") !== "1") return undefined;
    throw new Error(
      `Cannot compile: dev/release/denort.sha256 has no checksum of Deno ${Deno.version.deno} for ${target}; ` +
        "CONTRIBUTING.md, releases, says how to add it",
    );
  }
  const path = `${BUNDLE_FOLDER}/denort-${target}`;
  await Deno.writeFile(path, runtime, { mode: 0o755 });
  return path;
}

/**
 * The commit and its day: from BUILD_COMMIT and BUILD_DATE, as in a container image's build, where there is no
 * repository; else from git. The commit's day, not today's: the same commit gives the same executable.
 */
export async function sourceOfBuild(): Promise<Omit<Build, "target">> {
  const commit = Deno.env.get("BUILD_COMMIT") ||
    await git("describe", "--always", "--exclude=*", "--abbrev=12", "--dirty");
  const date = Deno.env.get("BUILD_DATE") ||
    await git("log", "-1", "--date=format-local:%Y-%m-%d", "--format=%cd");
  return { commit: commit || "commit unknown", date: date || "day unknown" };
}

/** What git prints, or nothing where there is no git or no repository. */
async function git(...args: string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("git", {
      args,
      cwd: ROOT,
      env: { TZ: "UTC" },
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function deno(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd, env: { ...env }, stdin: "null" });
  const { success } = await command.spawn().status;
  if (success) return;
  throw new Error(`Cannot compile: deno ${args[0]} failed; what it printed is above`);
}

async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
