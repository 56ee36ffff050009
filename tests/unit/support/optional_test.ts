// What a test says that this machine can't run.

import { match, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { missingProgram } from "../../../dev/servers/tools.ts";

const TOOLS = new URL("../../../dev/servers/tools.ts", import.meta.url);
const OPTIONAL = new URL("../../support/optional.ts", import.meta.url);

Deno.test("a program is looked for on the PATH, without starting anything", async () => {
  strictEqual(missingProgram("sh"), undefined);
  strictEqual(missingProgram("no-such-program"), "there is no no-such-program");
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { missingProgram } from "${TOOLS}"; console.log(missingProgram("sh"));`],
    env: { PATH: "" },
  }).output();
  strictEqual(new TextDecoder().decode(stdout), "there is no sh\n");
});

Deno.test("a test that can't be run is skipped with one line that says why, and fails nothing", async () => {
  const file = await Deno.makeTempFile({ suffix: "_test.ts" });
  try {
    const text = `import { optionalTest } from "${OPTIONAL}";
      optionalTest("queries are PromQL", "there is no promtool", () => { throw new Error("it ran"); });
      optionalTest("the unit is valid", undefined, () => {});`;
    await Deno.writeTextFile(file, text);
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--quiet", "--no-check", file],
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      env: { NO_COLOR: "1" },
    }).output();
    const printed = new TextDecoder().decode(stdout);
    match(printed, /^queries are PromQL \(skipped: there is no promtool\) \.\.\. ignored/m);
    match(printed, /^the unit is valid \.\.\. ok/m);
    strictEqual(success, true, printed);
  } finally {
    await Deno.remove(file);
  }
});
