// The examples of docs/EXTENDING.md, applied to a copy of the tree: their types are right, and their tests pass.

import { ok, strictEqual } from "node:assert";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { change, type Example, findExamples } from "../support/worked_examples.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COPIED = ["src", "dev", "tests/support"];

Deno.test("each example of docs/EXTENDING.md can be followed, passes the type check, and passes its own tests", async () => {
  const examples = findExamples(await Deno.readTextFile(`${ROOT}docs/EXTENDING.md`));
  ok(examples.length > 20);
  const copy = await Deno.makeTempDir();
  try {
    for (const folder of COPIED) await copyFolder(`${ROOT}${folder}`, join(copy, folder));
    await Deno.copyFile(`${ROOT}deno.json`, join(copy, "deno.json"));
    await Deno.copyFile(`${ROOT}deno.lock`, join(copy, "deno.lock"));
    await Deno.symlink(`${ROOT}node_modules`, join(copy, "node_modules"));
    if (await exists(`${ROOT}.cache`)) await Deno.symlink(`${ROOT}.cache`, join(copy, ".cache"));
    for (const example of examples) await apply(example, copy);
    const tests = examples.map(({ path }) => path).filter((path) => path.endsWith("_test.ts"));
    await runDeno(copy, ["check", "--quiet", "src/main.ts", ...tests]);
    await runDeno(copy, ["test", "-A", "--quiet", "--no-check", ...new Set(tests)]);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

async function apply(example: Example, copy: string): Promise<void> {
  const file = join(copy, example.path);
  if (example.kind === "new") {
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, example.text, { createNew: true });
    return;
  }
  // What isn't copied is a test of the tree's own.
  const before = await Deno.readTextFile(await exists(file) ? file : `${ROOT}${example.path}`);
  try {
    const after = example.places.reduce(change, before);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, after);
  } catch (error) {
    throw new Error(`docs/EXTENDING.md, In \`${example.path}\`: ${(error as Error).message}`);
  }
}

async function runDeno(cwd: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd })
    .output();
  const text = new TextDecoder();
  strictEqual(success, true, `deno ${args.join(" ")}\n${text.decode(stdout)}${text.decode(stderr)}`);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, join(to, name));
    else await Deno.copyFile(`${from}/${name}`, join(to, name));
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
