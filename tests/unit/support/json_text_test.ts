// JSON compared as text: nothing is lost that JSON.parse would lose, and spaces and escapes make no difference.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { canonicalJson, jsonMembers } from "../../support/json_text.ts";

Deno.test("numbers keep their digits, objects their order and duplicates", () => {
  strictEqual(canonicalJson('{"b": 1.10, "1": -0,\n "b": 1e400}'), '{"b":1.10,"1":-0,"b":1e400}');
});

Deno.test("a string is the same however it is escaped", () => {
  strictEqual(canonicalJson('"\\u0041\\/é"'), canonicalJson('"A/\\u00e9"'));
});

Deno.test("the members of an object are its own, not those of the objects in it", () => {
  const members = jsonMembers('{"a":{"x":[1,{"y":2}],"z":3},"b":[],"c":{},"d":"},{","e":null}');
  deepStrictEqual([...members ?? []], [
    ["a", '{"x":[1,{"y":2}],"z":3}'],
    ["b", "[]"],
    ["c", "{}"],
    ["d", '"},{"'],
    ["e", "null"],
  ]);
  deepStrictEqual([...jsonMembers(" { } ") ?? []], []);
  strictEqual(jsonMembers("null"), null);
});

Deno.test("what is not an object has no members", () => {
  throws(() => jsonMembers("[1]"), SyntaxError);
  throws(() => jsonMembers('{"a":1'), SyntaxError);
});

Deno.test("of any JSON value the canonical text says the same, and any object has its members", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
    const text = JSON.stringify(object, null, 2);
    deepStrictEqual(JSON.parse(canonicalJson(text)), JSON.parse(text));
    const members = [...jsonMembers(text) ?? []].map(([name, value]) => [name, JSON.parse(value) as unknown]);
    deepStrictEqual(members, Object.entries(JSON.parse(text) as object));
  }));
});
