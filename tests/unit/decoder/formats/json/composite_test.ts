// Composite values, hstore and pgvector's vectors become JSON objects and arrays.

import assert from "node:assert/strict";
import type { PgType } from "../../../../../src/core/pg_type.ts";
import { valueWriter } from "../../../../../src/decoder/formats/json/value_writer.ts";
import { CaptureError } from "../../../../../src/core/errors.ts";
import {
  arrayOf,
  assertJson,
  assertMalformed,
  base,
  composite,
  extension,
} from "../../../../support/write_value.ts";

const PAIR = composite({ a: base("int4"), b: base("text") });

Deno.test("composites are objects by field name, and a field with nothing in it is null", () => {
  assertJson(PAIR, [
    ["(1,x)", '{"a":1,"b":"x"}'],
    ["(,)", '{"a":null,"b":null}'],
    ['(-1,"")', '{"a":-1,"b":""}'],
    ['(1,"a""b\\\\c,(d) ")', '{"a":1,"b":"a\\"b\\\\c,(d) "}'],
    ['(1,"\\"")', '{"a":1,"b":"\\""}'],
    ['(1,"""")', '{"a":1,"b":"\\""}'],
    ["(1,NULL)", '{"a":1,"b":"NULL"}'],
  ]);
  assertJson(composite({ only: base("bool") }), [["()", '{"only":null}'], ["(t)", '{"only":true}']]);
  assertJson(composite({}), [["()", "{}"]]);
});

Deno.test("field names are escaped", () => {
  const type: PgType = {
    kind: "composite",
    fields: ["__proto__", "10", 'q"', "a.b", "é"].map((name) => ({ name, type: base("int2") })),
  };
  assertJson(type, [["(1,2,3,4,5)", '{"__proto__":1,"10":2,"q\\"":3,"a.b":4,"é":5}']]);
});

Deno.test("composites in arrays in composites, as PostgreSQL prints them", () => {
  const type = composite({ x: PAIR, y: arrayOf(PAIR), z: arrayOf(base("text")), n: base("text") });
  const text = String.raw`("(1,""q"""""")","{""(1,\\""a\\""\\""b\\\\\\\\\\"")"",NULL,""(,)""}",` +
    String.raw`"{""a\\"""",""{},\\\\"",NULL,""NULL"",""null"","""",""x y""}",)`;
  assertJson(type, [[
    text,
    String.raw`{"x":{"a":1,"b":"q\""},"y":[{"a":1,"b":"a\"b\\"},null,{"a":null,"b":null}],` +
    String.raw`"z":["a\"","{},\\",null,"NULL","null","","x y"],"n":null}`,
  ]]);
});

Deno.test("fields are written by their own type", () => {
  const type = composite({
    t: base("timestamptz"),
    j: base("json"),
    v: base("bytea"),
    d: { kind: "domain", base: PAIR },
  });
  assertJson(type, [[
    String.raw`("2023-10-15 10:30:00+00","{""a"":[1]}","\\x00","(2,z)")`,
    '{"t":"2023-10-15T10:30:00Z","j":{"a":[1]},"v":"AA==","d":{"a":2,"b":"z"}}',
  ]]);
});

Deno.test("text that is not a value of the composite type is refused", () => {
  assertMalformed(PAIR, [
    "",
    "(",
    ")",
    "()",
    "(1)",
    "(1,x",
    "1,x)",
    "(1,x,)",
    "(1,x)y",
    "(x,1)",
    '(1,"x)',
    '(1,"x"y)',
    '(1,x"y)',
  ]);
  assertMalformed(PAIR, [
    "(1,x\\y)",
    "(1,(x))",
    '(1,"x\\)',
    '(1,"""',
    '(1,"x"")',
    "[1,x]",
    '("1"2,x)',
    "(1,x)(",
  ]);
  assertMalformed(composite({}), ["", "(", "(1)", "(,)", "{}"]);
});

Deno.test("hstore is an object of strings and nulls", () => {
  assertJson(extension("hstore"), [
    ["", "{}"],
    ['"a"=>"1"', '{"a":"1"}'],
    ['""=>"", "n"=>NULL, "k\\"\\\\ "=>"v,=>"', '{"":"","n":null,"k\\"\\\\ ":"v,=>"}'],
    ['"a\nb"=>"\t\u0001é😀", "NULL"=>"NULL"', '{"a\\nb":"\\t\\u0001é😀","NULL":"NULL"}'],
  ]);
  assertMalformed(extension("hstore"), [
    "a=>1",
    '"a"',
    '"a"=>',
    '"a"=>"1',
    '"a"=>"1",',
    '"a"=>"1", ',
    '"a"=>"1","b"=>"2"',
    '"a"=>null',
  ]);
  assertMalformed(extension("hstore"), [
    '"a"=>"1" ',
    '"a\\n"=>"1"',
    '"a\\',
    '"a"="1"',
    '"',
    '"a"=>NULLx',
    '"a"=>NUL',
    ' "a"=>"1"',
  ]);
});

Deno.test("a vector is an array of numbers; halfvec and sparsevec are strings", () => {
  assertJson(extension("vector"), [["[1,2.5,-3e-07]", "[1,2.5,-3e-07]"], ["[0]", "[0]"]]);
  assertMalformed(extension("vector"), [
    "",
    "[",
    "[]",
    "[1",
    "1]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[NaN]",
    "[01]",
    "[1]]",
    "{1}",
    "[1;2]",
    "[1.]",
  ]);
  const ofVector = (name: string): PgType => ({ kind: "extension", extension: "vector", name });
  assertJson(ofVector("halfvec"), [["[1,2.5]", '"[1,2.5]"']]);
  assertJson(ofVector("sparsevec"), [["{1:1.5}/5", '"{1:1.5}/5"']]);
});

Deno.test("a type nested without end is refused when its writer is made", () => {
  const endless = { kind: "array", delimiter: "," } as {
    kind: "array";
    delimiter: string;
    element: PgType;
  };
  endless.element = endless;
  assert.throws(
    () => valueWriter(endless, false),
    (error) => error instanceof CaptureError && error.kind === "decoding",
  );
});
