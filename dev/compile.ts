// `deno task compile`: makes the executable dist/pg-capture, or of another target.
//
// `deno compile` by itself embeds every package of the lock file, those of the tests too. So the program is bundled
// into one file first, and the file is compiled in a folder where no lock file is found.

import { fileURLToPath } from "node:url";

// The same as of the `start` task in deno.json, and no more; a test compares them.
export const PERMISSIONS = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"] as const;
/** A small young generation: the program makes hardly any garbage, and the default lets 16 MB of it gather. */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--max-old-space-size=512";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = `${ROOT}dist`;

if (import.meta.main) {
  try {
    await compile(Deno.args);
  } catch (error) {
    await Deno.stderr.write(new TextEncoder().encode(`${error instanceof Error ? error.message : error}\n`));
    Deno.exit(1);
  }
}

/** @param args go to `deno compile`, such as `--target aarch64-unknown-linux-gnu --output dist/pg-capture-arm64` */
async function compile(args: readonly string[]): Promise<void> {
  await Deno.remove(`${DIST}/bundle`, { recursive: true }).catch(() => {});
  await Deno.mkdir(`${DIST}/bundle`, { recursive: true });
  const bundle = `${DIST}/bundle/pg-capture.js`;
  await deno(ROOT, [
    "bundle",
    "--quiet",
    "--platform",
    "deno",
    "--output",
    bundle,
    "src/main.ts",
  ]);
  const output = args.includes("--output") || args.includes("-o") ? [] : ["--output", `${DIST}/pg-capture`];
  await deno(`${DIST}/bundle`, [
    "compile",
    "--quiet",
    "--no-config",
    "--no-check",
    "--no-lock",
    "--unstable-kv",
    ...PERMISSIONS,
    V8_FLAGS,
    ...output,
    ...args,
    bundle,
  ]);
  await Deno.remove(`${DIST}/bundle`, { recursive: true });
}

async function deno(cwd: string, args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd, stdin: "null" }).spawn()
    .status;
  if (success) return;
  throw new Error(`Cannot compile: deno ${args[0]} failed; what it printed is above`);
}
