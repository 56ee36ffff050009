// Help and completion: complete, narrow enough for a terminal, and named in the documents.

import { match, ok, strictEqual } from "node:assert";
import { COMMAND_NAMES, commandEntry, OPTIONS, optionsOf, SHELLS } from "../../../src/cli/command_table.ts";
import { completionScript } from "../../../src/cli/completion.ts";
import { commandHelp, USAGE } from "../../../src/cli/usage.ts";

const root = new URL("../../../", import.meta.url);

Deno.test("no line of a help text is longer than 80 characters", () => {
  for (const text of [USAGE, ...COMMAND_NAMES.map(commandHelp)]) {
    for (const line of text.split("\n")) ok(line.length <= 80, line);
  }
});

Deno.test("a command's help has its options, an example, and a document that exists", async () => {
  for (const name of COMMAND_NAMES) {
    const help = commandHelp(name);
    match(help, new RegExp(`^pg-capture ${name} \\[OPTIONS\\]`));
    for (const option of optionsOf(name)) ok(help.includes(`--${option}`), `${name} --${option}`);
    for (const example of commandEntry(name).examples) ok(help.includes(`  ${example}\n`), example);
    ok((await Deno.stat(new URL(commandEntry(name).more, root))).isFile);
  }
});

Deno.test("every command and option is in the documents", async () => {
  const files = ["README.md", "docs/OPERATIONS.md"].map((file) => Deno.readTextFile(new URL(file, root)));
  const documents = (await Promise.all(files)).join("\n");
  for (const name of Object.keys(OPTIONS)) ok(documents.includes(`--${name}`), `--${name}`);
  for (const name of COMMAND_NAMES) match(documents, new RegExp(`(?:^  |pg-capture )${name}\\b`, "m"));
});

Deno.test("each completion script has every command and option", () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell);
    for (const name of [...COMMAND_NAMES, ...Object.keys(OPTIONS)]) {
      ok(script.includes(name), `${shell} ${name}`);
    }
  }
});

Deno.test("in bash, commands and their options are completed", async () => {
  strictEqual(await complete(["pg-capture", "che"]), "check");
  strictEqual(await complete(["pg-capture", "teardown", "--p"]), "--publication --progress");
  strictEqual(await complete(["pg-capture", "-v", "completion", "z"]), "zsh");
});

/** What bash offers for the last word. */
async function complete(words: readonly string[]): Promise<string> {
  const script = `${completionScript("bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_pg_capture; echo "\${COMPREPLY[*]}"`;
  const { stdout } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  return new TextDecoder().decode(stdout).trim();
}
