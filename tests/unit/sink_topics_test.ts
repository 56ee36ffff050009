// Tables have topics of their own, with names that Kafka takes.

import { strict as assert } from "node:assert";
import { CaptureError } from "../../src/core/errors.ts";
import { progressTopic, tableTopic, TopicOwners } from "../../src/sink/topics.ts";

Deno.test("a topic is prefix, schema and table", () => {
  assert.equal(tableTopic("cdc", "public", "users"), "cdc.public.users");
  assert.equal(tableTopic("my.prefix-1", "Sales", "order_items"), "my.prefix-1.Sales.order_items");
});

Deno.test("each character that Kafka does not take becomes one underscore", () => {
  assert.equal(tableTopic("cdc", "public", "Größe $1/🙂"), "cdc.public.Gr__e__1__");
  assert.equal(tableTopic("cdc", 'a"b', "c\n\0d"), "cdc.a_b.c__d");
});

Deno.test("a name longer than Kafka takes is refused", () => {
  const table = "t".repeat(249 - "cdc.public.".length);
  assert.equal(tableTopic("cdc", "public", table).length, 249);
  assertConflict(() => tableTopic("cdc", "public", `${table}t`), /250 characters/);
});

Deno.test("a table keeps its topic", () => {
  const owners = new TopicOwners("cdc");
  assert.equal(owners.claim("public", "users"), "cdc.public.users");
  assert.equal(owners.claim("public", "users"), "cdc.public.users");
});

Deno.test("two tables never share a topic", () => {
  const same: [[string, string], [string, string]][] = [
    [["public", "a b"], ["public", "a$b"]],
    [["a.b", "c"], ["a", "b.c"]],
    // Kafka: "Topic 'cdc.public_user.log' collides with existing topics: cdc.public.user_log"
    [["public", "user_log"], ["public_user", "log"]],
  ];
  for (const [first, second] of same) {
    const owners = new TopicOwners("cdc");
    owners.claim(...first);
    assertConflict(() => owners.claim(...second), /would not tell it from the topic of table/);
  }
});

Deno.test("no table takes the topic of the progress record", () => {
  assert.equal(progressTopic("cdc"), "cdc.pg-capture.progress");
  assertConflict(() => new TopicOwners("cdc").claim("pg-capture", "progress"), /own progress/);
});

Deno.test("names with control characters are escaped in the error", () => {
  const owners = new TopicOwners("cdc");
  owners.claim("public", "a\x1b");
  assertConflict(() => owners.claim("public", "a\x07"), /^\P{Cc}*$/u);
  assertConflict(() => owners.claim("public", "\x1b".repeat(250)), /^\P{Cc}*$/u);
});

function assertConflict(act: () => void, message: RegExp): void {
  assert.throws(act, (error) => {
    assert(error instanceof CaptureError && error.kind === "topic-conflict");
    assert.match(error.message, message);
    return true;
  });
}
