// The documents of the configuration say what the table says.

import { strict as assert } from "node:assert";
import { configurationDocument, envrcExample } from "../../../src/config/documents.ts";
import { readDotenv } from "../../../src/config/dotenv_file.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { nameOfTomlPlace, tomlPlace } from "../../../src/config/variable.ts";
import { VARIABLE_NAMES, VARIABLES } from "../../../src/config/variables.ts";

Deno.test("docs/CONFIGURATION.md and .envrc.example are in step with the table (deno task docs:config)", () => {
  assert.equal(readText("../../../docs/CONFIGURATION.md"), configurationDocument());
  assert.equal(readText("../../../.envrc.example"), envrcExample());
});

Deno.test("every variable is in both documents", () => {
  for (const name of VARIABLE_NAMES) {
    assert.match(configurationDocument(), new RegExp(`^\\| \`${name}\` +\\|`, "m"), name);
    assert.match(envrcExample(), new RegExp(`^(# )?export ${name}=.`, "m"), name);
  }
});

Deno.test("the example works as it is, as a .env file too", () => {
  const { given, problems } = readDotenv(envrcExample(), ".env");
  assert.deepEqual(problems, []);
  const env = Object.fromEntries([...given].map(([name, { text }]) => [name, text]));
  const files = { readTextFile: () => undefined, fileFacts: () => undefined, ownUid: () => 1000 };
  assert.deepEqual(loadConfig({ env: { ...env, HOME: "/home/ann" }, ...files }).warnings, []);
});

Deno.test("every default and every example is a value that its variable takes", () => {
  for (const name of VARIABLE_NAMES) {
    const { presence, syntax, example }: (typeof VARIABLES)[typeof name] & { readonly example?: string } =
      VARIABLES[name];
    const texts = [presence.kind === "default" ? presence.text : undefined, example].filter((text) =>
      text !== undefined
    );
    for (const text of texts) assert.equal(syntax.parse(text, {}).kind, "value", `${name}=${text}`);
    assert.ok(texts.length > 0, `${name} has neither a default nor an example`);
  }
});

Deno.test("every variable has one place in the TOML file, and the place gives the variable back", () => {
  assert.deepEqual(tomlPlace("PG_SLOT_NAME"), { section: "pg", key: "slot_name" });
  assert.deepEqual(tomlPlace("LOG_LEVEL"), { section: "logging", key: "level" });
  assert.deepEqual(tomlPlace("FORMAT"), { section: "format", key: "format" });
  for (const name of VARIABLE_NAMES) {
    const { section, key } = tomlPlace(name);
    assert.equal(nameOfTomlPlace(section, key), name);
  }
});

function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, import.meta.url));
}
