// Booleans, json and bytea.

import assert from "node:assert/strict";
import { assertJson, assertMalformed, writeValue } from "../../../../support/write_value.ts";

Deno.test("booleans are true and false", () => {
  assertJson("bool", [["t", "true"], ["f", "false"]]);
  assertMalformed("bool", ["", "true", "T", "1", "tt"]);
});

Deno.test("json and jsonb are the JSON itself, byte for byte", () => {
  const texts = [
    '{"a": 1e400, "a": "\\u0000\\ud800"}',
    "-0",
    "[1.10, 9223372036854775808]",
    '{"10":1,"9":2,"__proto__":null}',
    '{\n  "pretty" :\t[ ]\r\n}',
    '"\u2028"',
    "null",
  ];
  for (const type of ["json", "jsonb"]) {
    for (const text of texts) assert.equal(writeValue(type, text), text);
    assertMalformed(type, [""]);
  }
});

Deno.test("bytea is base64", () => {
  assertJson("bytea", [
    ["\\x", '""'],
    ["\\x00", '"AA=="'],
    ["\\xfbff", '"+/8="'],
    ["\\xFBFFBF", '"+/+/"'],
    ["\\x48692100", '"SGkhAA=="'],
  ]);
});

Deno.test("bytea that is not in hex form is refused", () => {
  const wrong = [
    "",
    "\\",
    "x00",
    "\\x0",
    "\\x000",
    "\\x0g",
    "\\xg0",
    "\\x00000g",
    "\\x0000g0",
    "\\x0000000g",
    "\\x00 00",
    "abc",
  ];
  assertMalformed("bytea", [...wrong, "\\x00é0", "\\xg00000", "\\x00g000"]);
});
