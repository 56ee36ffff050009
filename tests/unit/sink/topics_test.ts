// Tables have topics of their own, with names that Kafka takes and can tell apart.

import { strict as assert } from "node:assert";
import type { CaptureError } from "../../../src/core/errors.ts";
import { TopicConflict } from "../../../src/core/topic_conflict.ts";
import type { TableRule } from "../../../src/rules/table_rule.ts";
import { progressTopic, TopicNames } from "../../../src/sink/topics.ts";

Deno.test("a topic is prefix, schema and table", () => {
  assert.equal(topicOf("public", "users"), "cdc.public.users");
  const names = new TopicNames("my.prefix-1", "shop", []);
  assert.equal(
    names.topicOf({ schema: "Sales", table: "order_items" }),
    "my.prefix-1.Sales.order_items",
  );
  assert.equal(names.topicOf("message"), "my.prefix-1.message");
  assert.equal(names.topicOf("dead-letter"), "my.prefix-1.dead-letter");
});

Deno.test("other characters are escaped, byte by byte in UTF-8", () => {
  const examples: [schema: string, table: string, topic: string][] = [
    ["public", "foo bar", "cdc.public.foo-20bar"],
    ["public", "order-items", "cdc.public.order-2Ditems"],
    ["public.x", "y", "cdc.public-2Ex.y"],
    ["public", "x.y", "cdc.public.x-2Ey"],
    ["public", "Größe", "cdc.public.Gr-C3-B6-C3-9Fe"],
    ["public", "用户", "cdc.public.-E7-94-A8-E6-88-B7"],
    ["public", "🙂", "cdc.public.-F0-9F-99-82"],
    ['a"b', "c\n\x01d", "cdc.a-22b.c-0A-01d"],
  ];
  for (const [schema, table, topic] of examples) assert.equal(topicOf(schema, table), topic);
});

Deno.test("a name longer than Kafka takes is refused", () => {
  const table = "t".repeat(249 - "cdc.public.".length);
  assert.equal(topicOf("public", table).length, 249);
  assert.throws(
    () => topicOf("public", `${table}t`),
    (error) => error instanceof TopicConflict && /has 250 characters, Kafka takes 249/.test(error.message),
  );
});

Deno.test("of two tables that Kafka can't tell apart the second is refused, and no other", () => {
  const tables = [table("a", "b_c"), table("a", "x"), table("a_b", "c"), table("a_b", "d")];
  const [conflict, ...others] = conflicts(tables);
  assert.equal(others.length, 0);
  assert.equal(
    conflict?.message,
    'Cannot send table "a_b"."c" to topic "cdc.a_b.c": Kafka can\'t tell it from topic "cdc.a.b_c" of ' +
      'table "a"."b_c"',
  );
  assert.equal(
    conflict?.fix,
    "give the table another topic in the TOML file (-c FILE): below a line [[tables]], the lines " +
      "match = ['a_b.c'] and topic = 'cdc.a_b.c-2'; or if topic \"cdc.a_b.c\" is in Kafka already, give table " +
      '"a"."b_c" another one instead; or set KAFKA_OVERSIZE=dead-letter',
  );
});

Deno.test("tables that are not there any more, or come back, are of no account", () => {
  const names = new TopicNames("cdc", "shop", []);
  assert.deepEqual(names.conflicts([table("a", "b_c")]), []);
  assert.equal(names.topicOf(table("a", "b_c")), "cdc.a.b_c");
  assert.deepEqual(names.conflicts([table("a_b", "c")]), []);
  assert.equal(names.topicOf(table("a_b", "c")), "cdc.a_b.c");
  assert.equal(names.topicOf(table("a", "b_c")), "cdc.a.b_c");
});

Deno.test("a rule resolves it, and may give several tables one topic", () => {
  const rules: TableRule[] = [
    { match: [{ schema: ["a_b"], table: ["c"] }], topic: ["cdc.a_b.c-2"] },
    {
      match: [{ schema: ["a"], table: ["log_", ""] }],
      topic: [{ placeholder: "prefix" }, ".", { placeholder: "database" }, ".logs"],
    },
    { match: [{ schema: ["a"], table: ["log_", ""] }], topic: ["never"] },
  ];
  const names = new TopicNames("cdc", "my shop", rules);
  assert.equal(names.topicOf(table("a_b", "c")), "cdc.a_b.c-2");
  assert.equal(names.topicOf(table("a", "log_1")), "cdc.my-20shop.logs");
  assert.equal(names.topicOf(table("a", "log_2")), "cdc.my-20shop.logs");
  assert.deepEqual(
    names.conflicts([table("a", "b_c"), table("a", "log_1"), table("a", "log_2"), table("a_b", "c")]),
    [],
  );
});

Deno.test("no table takes a topic of pg-capture's own", () => {
  assert.equal(progressTopic("cdc"), "cdc.pg-capture.progress");
  assert.equal(topicOf("pg-capture", "progress"), "cdc.pg-2Dcapture.progress");
  for (
    const topic of [
      "cdc.pg-capture.progress",
      "cdc_pg-capture_progress",
      "cdc.message",
      "cdc_dead-letter",
      "cdc.pg-capture.snapshots",
      "cdc_pg-capture.control",
    ]
  ) {
    const names = new TopicNames("cdc", "shop", [{
      match: [{ schema: [""], table: ["", ""] }, { schema: ["public"], table: ["", ""] }],
      topic: [topic],
    }]);
    assert.throws(() => names.topicOf(table("public", "t")), /pg-capture's own/);
    assert.equal(names.conflicts([table("public", "t"), table("sales", "t")]).length, 1);
  }
});

Deno.test("names with control characters are escaped in the error", () => {
  const [conflict] = conflicts([table("a", "b_\x1b"), table("a_b", "\x1b")]);
  assert.match(conflict?.message ?? "", /^\P{Cc}*$/u);
  assert.match(conflict?.fix ?? "", /^\P{Cc}*$/u);
});

function table(schema: string, table: string) {
  return { schema, table };
}

function topicOf(schema: string, table: string): string {
  return new TopicNames("cdc", "shop", []).topicOf({ schema, table });
}

function conflicts(
  tables: readonly { readonly schema: string; readonly table: string }[],
): readonly CaptureError[] {
  return new TopicNames("cdc", "shop", []).conflicts(tables);
}
