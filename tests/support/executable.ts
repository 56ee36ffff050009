// Makes the executable as `deno task compile` does.

import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Where Deno's own download can't be reached, this runs a command with a runtime to compile with.
const WITH_RUNTIME = `${ROOT}../shared/tools/with-denort`;

/** @returns the path of the executable @throws Error with what the compiler printed */
export async function compileExecutable(): Promise<string> {
  const hasRuntime = await Deno.stat(WITH_RUNTIME).then(() => true, () => false);
  const [command, ...args] = [
    ...hasRuntime ? [WITH_RUNTIME, "deno"] : [Deno.execPath()],
    "task",
    "--quiet",
    "compile",
  ];
  const { success, stderr } = await new Deno.Command(command!, { args, cwd: ROOT, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot compile: ${new TextDecoder().decode(stderr).slice(-2000)}`);
  return `${ROOT}dist/pg-capture`;
}
