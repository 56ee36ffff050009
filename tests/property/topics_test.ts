// Topics of tables: never two tables in one, and the fix that a conflict proposes is one.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { readToml } from "../../src/config/toml_file.ts";
import { parseTopicTemplate } from "../../src/config/topic_template.ts";
import type { TableName } from "../../src/core/table_name.ts";
import { conflictOf, TopicConflict } from "../../src/core/topic_conflict.ts";
import { matchesTable } from "../../src/rules/table_pattern.ts";
import { escapeName, renderTopic } from "../../src/rules/topic_name.ts";
import { collisionKey } from "../../src/sink/topic_collision.ts";
import { TopicNames } from "../../src/sink/topics.ts";

/**
 * As PostgreSQL has them, any characters but NUL, so few that no topic is too long; and characters that are easily
 * taken for others.
 */
const name = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 9 }).map((text) => text.replaceAll("\0", "x")),
  fc.string({
    unit: fc.constantFrom("a", "b", ".", "_", "-", " ", "2", "D", "E", "5", "F"),
    minLength: 1,
    maxLength: 8,
  }),
);
const table = fc.record({ schema: name, table: name });

type Pair = readonly [TableName, TableName];

/**
 * Two tables that are easily taken for each other: one text, cut in two at different places, with or without the
 * character there.
 */
const lookalikes: fc.Arbitrary<Pair> = fc.tuple(
  fc.string({ unit: fc.constantFrom("a", "b", ".", "_", "-"), minLength: 3, maxLength: 7 }),
  fc.tuple(fc.nat(6), fc.nat(1)),
  fc.tuple(fc.nat(6), fc.nat(1)),
).map(([text, a, b]): Pair => [cut(text, a), cut(text, b)]).filter((pair) =>
  pair.every(({ schema, table }) => schema !== "" && table !== "")
);
const pair = fc.oneof(fc.tuple(table, table), lookalikes).filter(([a, b]) =>
  a.schema !== b.schema || a.table !== b.table
);

function cut(text: string, [at, without]: readonly [number, number]): TableName {
  return { schema: text.slice(0, at), table: text.slice(at + without) };
}

Deno.test("two different tables never have one topic", () => {
  const names = new TopicNames("cdc", "shop", []);
  fc.assert(
    fc.property(pair, ([a, b]) => {
      ok(names.topicOf(a) !== names.topicOf(b));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("a topic has characters that Kafka takes, and tells the names again", () => {
  const names = new TopicNames("cdc", "shop", []);
  fc.assert(fc.property(table, (each) => {
    const [prefix, schema, name, ...more] = names.topicOf(each).split(".");
    ok(/^[A-Za-z0-9_-]+$/.test(`${schema}${name}`));
    const [schemaAgain, tableAgain] = [schema, name].map((part) =>
      decodeURIComponent((part ?? "").replaceAll("-", "%"))
    );
    deepStrictEqual([prefix, schemaAgain, tableAgain, more], ["cdc", each.schema, each.table, []]);
  }));
});

Deno.test("an ordinary name stays as it is", () => {
  const ordinary = fc.stringMatching(/^[A-Za-z0-9_]+$/);
  fc.assert(fc.property(ordinary, (text) => strictEqual(escapeName(text), text)));
});

Deno.test("only a dot for an underscore is left for Kafka to confuse", () => {
  const names = new TopicNames("cdc", "shop", []);
  let confused = 0;
  fc.assert(
    fc.property(pair, ([a, b]) => {
      if (collisionKey(names.topicOf(a)) !== collisionKey(names.topicOf(b))) return;
      confused++;
      strictEqual(`${a.schema}_${a.table}`, `${b.schema}_${b.table}`);
    }),
    { numRuns: 5_000 },
  );
  ok(confused > 50, `only ${confused} pairs had one name for Kafka`);
});

Deno.test("a template with {schema} and {table} that is taken keeps tables apart, too", () => {
  const template = fc.array(fc.constantFrom("{schema}", "{table}", "{database}", ".", "_", "-", "a"), {
    maxLength: 6,
  })
    .map((parts) => ["{schema}", ...parts, "{table}"].join(""));
  const values = (each: { schema: string; table: string }) => ({ prefix: "cdc", database: "d b", ...each });
  fc.assert(
    fc.property(template, pair, (text, [a, b]) => {
      const parsed = parseTopicTemplate(text);
      if (parsed.kind === "invalid") return;
      ok(renderTopic(parsed.value, values(a)) !== renderTopic(parsed.value, values(b)), text);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("the rule that a conflict proposes is TOML, is that table's alone, and resolves the conflict", () => {
  fc.assert(
    fc.property(table, table, (each, other) => {
      fc.pre(each.schema !== other.schema || each.table !== other.table);
      const topic = new TopicNames("cdc", "shop", []).topicOf(each);
      const { fix: hint = "" } = conflictOf(each, new TopicConflict(topic, "found", []));
      const [, match, proposed] = /lines (match = .*\]) and (topic = .*); or set /s.exec(hint) ?? [];
      const { tables = [], problems } = readToml(`[[tables]]\n${match}\n${proposed}\n`, "c.toml");
      deepStrictEqual(problems, []);
      const [pattern] = tables[0]?.match ?? [];
      ok(pattern !== undefined && matchesTable(pattern, each.schema, each.table), hint);
      ok(!matchesTable(pattern, other.schema, other.table), hint);
      const resolved = new TopicNames("cdc", "shop", tables).topicOf(each);
      ok(collisionKey(resolved) !== collisionKey(topic));
      ok(collisionKey(resolved) !== collisionKey(new TopicNames("cdc", "shop", []).topicOf(other)));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("a star stands for anything, as LIKE has it", () => {
  const unit = fc.constantFrom("a", "b", "*");
  const patternText = fc.string({ unit, minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(patternText, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 }), (text, name) => {
      const pattern = { schema: ["s"], table: text.split("*") };
      const expected = new RegExp(`^${text.replaceAll("*", ".*")}$`).test(name);
      strictEqual(matchesTable(pattern, "s", name), expected, `${text} ${name}`);
    }),
    { numRuns: 5_000 },
  );
});
