// Advice names settings by section and key: each of them is a setting that there is.

import { ok } from "node:assert";
import { fileURLToPath } from "node:url";
import { adviceText, type SettingName } from "../../../src/core/advice.ts";
import { nameOfTomlPlace, type Section, SECTIONS } from "../../../src/config/variable.ts";
import { isVariableName } from "../../../src/config/variables.ts";

const SRC = fileURLToPath(new URL("../../../src", import.meta.url));
const SETTING = /\bsetting\(\s*"([a-z]+\.[^"]*)"/g;

Deno.test('every setting("…") in src is a variable, and advice calls it by that name', () => {
  let count = 0;
  for (const path of sources(SRC)) {
    for (const [, name = ""] of Deno.readTextFileSync(path).matchAll(SETTING)) {
      count++;
      const [section = "", key = ""] = name.split(".");
      ok(Object.hasOwn(SECTIONS, section), `${path}: ${name}`);
      const variable = nameOfTomlPlace(section as Section, key);
      ok(
        isVariableName(variable) || isVariableName(variable.replace(/_FILE$/, "")),
        `${path}: there is no ${variable}`,
      );
      const called = adviceText([{ setting: name as SettingName }]);
      ok(called === variable, `${path}: advice calls ${variable} ${called}`);
    }
  }
  ok(count > 40, `only ${count} were found`);
});

Deno.test("src/source names no variable outside of comments", () => {
  for (const path of sources(`${SRC}/source`)) {
    const code = Deno.readTextFileSync(path).replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
    const [found] =
      /\b(?:PG|KAFKA|REPLICATION|METRICS)_[A-Z_]+/.exec(code.replaceAll("CREATE_REPLICATION_SLOT", "")) ??
        [];
    ok(found === undefined || found === "REPLICATION_SLOT", `${path}: ${found}`);
  }
});

function* sources(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (path.endsWith(".ts")) yield path;
  }
}
