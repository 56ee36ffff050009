// Makes the executable as `deno task compile` does.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Where Deno's own download can't be reached, this runs a command with a runtime to compile with.
const WITH_RUNTIME = `${ROOT}../shared/tools/with-denort`;

/** The words that stand for `deno` where it is to compile. */
export function compileCommand(): readonly [string, ...string[]] {
  return existsSync(WITH_RUNTIME) ? [WITH_RUNTIME, "deno"] : [Deno.execPath()];
}

/** @returns the path of the executable @throws Error with what the compiler printed */
export async function compileExecutable(): Promise<string> {
  const [command, ...args] = [...compileCommand(), "task", "--quiet", "compile"] as const;
  const { success, stderr } = await new Deno.Command(command, { args, cwd: ROOT, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot compile: ${new TextDecoder().decode(stderr).slice(-2000)}`);
  return `${ROOT}dist/pg-capture`;
}
