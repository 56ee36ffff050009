// Makes the executable as `deno task compile` does, where there is a runtime to compile with.

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { tempFolder } from "../../dev/servers/janitor.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Where Deno's own download can't be reached, this runs a command with a runtime to compile with.
const WITH_RUNTIME = `${ROOT}../shared/tools/with-denort`;

/** The words that stand for `deno` where it is to compile. */
export function compileCommand(): readonly [string, ...string[]] {
  if (!existsSync(WITH_RUNTIME)) return [Deno.execPath()];
  // It has an interpreter of its own, which the tests' PATH need not hold.
  return ["env", `PATH=${Deno.env.get("PATH") ?? ""}:/usr/local/bin:/usr/bin:/bin`, WITH_RUNTIME, "deno"];
}

/**
 * Why nothing can be compiled here, or undefined: the runtime, denort, can't be downloaded. Found out with the
 * smallest program there is.
 * @throws Error when compiling fails for another reason
 */
export async function compileObstacle(): Promise<string | undefined> {
  const folder = await tempFolder("compile");
  await Deno.writeTextFile(`${folder}/empty.js`, "");
  const [command, ...args] = compileCommand();
  const { success, stderr } = await new Deno.Command(command, {
    args: [...args, "compile", "--quiet", "--no-config", "--output", "empty", "empty.js"],
    cwd: folder,
    stdin: "null",
  }).output();
  await Deno.remove(folder, { recursive: true });
  if (success) return undefined;
  const text = stripVTControlCharacters(new TextDecoder().decode(stderr)).trim();
  const cause = text.split("\n").find((line) => line.includes("denort"));
  if (cause === undefined) throw new Error(`Cannot compile an empty program: ${text}`);
  return `deno compile lacks its runtime: ${cause.trim().replace(/^\d+: /, "")}`;
}

/** The version of the Deno that compiles here: `2.9.6`. */
export async function compilerVersion(): Promise<string> {
  const [command, ...args] = compileCommand();
  const { stdout } = await new Deno.Command(command, { args: [...args, "--version"], stdin: "null" })
    .output();
  return /^deno (\S+)/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "unknown";
}

/** @returns the path of the executable @throws Error with what the compiler printed */
export async function compileExecutable(): Promise<string> {
  await compile(ROOT, [], {});
  return `${ROOT}dist/pg-capture`;
}

/**
 * Makes it as the image's builder does: from what .dockerignore lets through, and nothing else.
 * @param folder empty
 * @returns the path of the executable
 */
export async function compileInBuilder(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const kept = await Deno.readTextFile(`${ROOT}.dockerignore`);
  for (const [, path] of kept.matchAll(/^!(.+)$/gm)) {
    await Deno.mkdir(dirname(`${folder}/${path}`), { recursive: true });
    const { success } = await new Deno.Command("cp", { args: ["-R", `${ROOT}${path}`, `${folder}/${path}`] })
      .output();
    if (!success) throw new Error(`Cannot copy ${path} to the builder`);
  }
  const target = Deno.build.arch === "x86_64" ? "linux-x64" : "linux-arm64";
  await compile(folder, ["--target", target], env);
  return `${folder}/dist/pg-capture-${target}`;
}

async function compile(cwd: string, options: readonly string[], env: Readonly<Record<string, string>>) {
  const [command, ...args] = [...compileCommand(), "task", "--quiet", "compile", ...options] as const;
  const { success, stderr } = await new Deno.Command(command, { args, cwd, env: { ...env }, stdin: "null" })
    .output();
  if (!success) throw new Error(`Cannot compile: ${new TextDecoder().decode(stderr).slice(-2000)}`);
}
