// The command line that runs pg-capture from source, with the very permissions of `deno task start`.

import { fileURLToPath } from "node:url";

/** A program and its first arguments. */
export interface CaptureCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * What `deno task start` runs, in a form that works in any folder.
 * @param script runs in place of src/main.ts, with all permissions: a test's way into the program
 */
export async function captureCommand(script?: string): Promise<CaptureCommand> {
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { tasks } = JSON.parse(await Deno.readTextFile(config)) as {
    readonly tasks?: Readonly<Record<string, string | { readonly command: string }>>;
  };
  const start = tasks?.["start"];
  const words = (typeof start === "string" ? start : start?.command ?? "").split(/\s+/);
  if (words[0] !== "deno" || words[1] !== "run" || !words.includes(MAIN)) {
    throw new Error(`Cannot run pg-capture: the task "start" of deno.json is not "deno run … ${MAIN}"`);
  }
  const main = script ?? fileURLToPath(new URL(`../../${MAIN}`, import.meta.url));
  const permissions = script === undefined ? [] : ["--allow-run"];
  return {
    command: Deno.execPath(),
    args: [
      "run",
      "--config",
      config,
      ...permissions,
      ...words.slice(2).map((word) => word === MAIN ? main : word),
    ],
  };
}

const MAIN = "src/main.ts";
