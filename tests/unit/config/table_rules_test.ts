// Table rules in the TOML file, and how their mistakes are told.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { formatProblem } from "../../../src/config/configuration_errors.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { readToml } from "../../../src/config/toml_file.ts";

Deno.test("rules are read in their order, with patterns as in PG_TABLES", () => {
  const { tables, problems } = readToml(
    `[[tables]]
match = ["public.users", "sales.*"]
topic = "app.{schema}.{table}"

[[tables]]
match = ['"a.b"."c d"']

[pg]
port = 1
`,
    "c.toml",
  );
  deepStrictEqual(problems, []);
  deepStrictEqual(tables, [
    {
      match: [{ schema: ["public"], table: ["users"] }, { schema: ["sales"], table: ["", ""] }],
      topic: ["app.", { placeholder: "schema" }, ".", { placeholder: "table" }],
    },
    { match: [{ schema: ["a.b"], table: ["c d"] }], topic: undefined },
  ]);
});

Deno.test("the configuration has the rules of the file, and none without one", () => {
  const env = { PG_DATABASE: "d", PG_USERNAME: "u", PG_PASSWORD: "p", KAFKA_BROKERS: "b", HOME: "/home/ann" };
  const text = '[[tables]]\nmatch = ["a.b"]\ntopic = "t"\n';
  const files = {
    readTextFile: (path: string) => path === "c.toml" ? text : undefined,
    fileFacts: () => undefined,
    ownUid: () => undefined,
  };
  deepStrictEqual(loadConfig({ env, ...files }).config.tables, []);
  strictEqual(loadConfig({ env, ...files, configFile: "c.toml" }).config.tables.length, 1);
});

Deno.test("each mistake is named with its line, and all at once", () => {
  const text = `[[tables]]
match = ["public.users"]
topc = "x"
partition_by = ["id"]

[[tables]]
topic = "app.{tabel}"
[tables.columns]
exclude = ["a"]

[[tables]]
match = "public.users"
topic = 5

[[tables]]
match = ["users", '"public"."users"']
colour = 1
`;
  deepStrictEqual(problemsOf(text), [
    "[[tables]] topc (c.toml line 3): there is no such key; did you mean topic?",
    "[[tables]] partition_by (c.toml line 4): it is not supported yet; remove partition_by",
    "[[tables]] columns (c.toml line 8): it is not supported yet; remove columns",
    '[[tables]] match (c.toml line 6): not set; write the tables that the rule applies to: match = ["public.users", "sales.*"]',
    "[[tables]] topic (c.toml line 7): there is no placeholder {tabel}; did you mean {table}?",
    "[[tables]] match (c.toml line 12): it is not a list of tables; write the tables that the rule applies to: " +
    'match = ["public.users", "sales.*"]',
    "[[tables]] topic (c.toml line 13): the value has the wrong type; write a string in quotes",
    "[[tables]] colour (c.toml line 17): there is no such key; the keys of [[tables]] are match, topic",
    '[[tables]] match (c.toml line 16): "users" is not a table name; write schema.table, schema.* for a whole schema, ' +
    'or "a.b"."c d" for names with dots or spaces',
    '[[tables]] match (c.toml line 16): "\\"public\\".\\"users\\"" already has a rule: [[tables]] match (c.toml line 2); ' +
    "remove one of the two: the first rule that matches a table applies to it",
  ]);
});

Deno.test("a topic that can't be one is refused", () => {
  const texts: [topic: string, problem: RegExp][] = [
    ["", /"" is not a topic name/],
    [".", /"\." is not a topic name/],
    ["a b", /characters that are not allowed in topic names/],
    ["ä", /characters that are not allowed in topic names/],
    ["{", /an unmatched "\{"/],
    ["a}", /an unmatched "\}"/],
    ["{}", /there is no placeholder {}/],
    ["{Table}", /there is no placeholder {Table}; did you mean {table}/],
    ["x".repeat(250), /it has 250 characters, but Kafka allows 249/],
    ["{schema}_{table}", /could give two tables the same topic by accident.*put a dot between/],
    ["{table}{database}{schema}", /could give two tables the same topic by accident/],
  ];
  for (const [topic, problem] of texts) {
    const [line, ...more] = problemsOf(`[[tables]]\nmatch = ["a.b"]\ntopic = "${topic}"\n`);
    strictEqual(problem.test(line ?? ""), true, `${topic}: ${line}`);
    deepStrictEqual(more, []);
  }
  for (const topic of ["t", "{table}", "app_{schema}", "{schema}.{table}", "{table}-x.y_{schema}"]) {
    deepStrictEqual(problemsOf(`[[tables]]\nmatch = ["a.b"]\ntopic = "${topic}"\n`), []);
  }
});

Deno.test("one bracket too few, or a slip in the word, is told", () => {
  deepStrictEqual(problemsOf("[tables]\nmatch = []\n"), [
    "tables (c.toml): it is not a list of rules; write [[tables]], with double brackets, above the keys of each rule",
  ]);
  deepStrictEqual(problemsOf('[[table]]\nmatch = ["a.b"]\n'), [
    "[table] (c.toml line 1): there is no such section; did you mean [[tables]]?",
  ]);
  const [line] = problemsOf('[[tables]]\nmatch = ["a.b"]\nmatch = ["a.c"]\n');
  match(line ?? "", /^c\.toml line 3: invalid TOML: /);
});

function problemsOf(text: string): string[] {
  return readToml(text, "c.toml").problems.map(formatProblem);
}
