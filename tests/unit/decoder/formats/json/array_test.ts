// Arrays become JSON arrays, nested as they are, each element by its own type.

import {
  arrayOf,
  assertJson,
  assertMalformed,
  base,
  composite,
  extension,
} from "../../../../support/write_value.ts";

const INTS = arrayOf(base("int4"));
const TEXTS = arrayOf(base("text"));

Deno.test("arrays of numbers, nulls and dimensions", () => {
  assertJson(INTS, [
    ["{}", "[]"],
    ["{1}", "[1]"],
    ["{1,NULL,-3}", "[1,null,-3]"],
    ["{{1,2},{3,4}}", "[[1,2],[3,4]]"],
    ["{{{{{{1}}}}}}", "[[[[[[1]]]]]]"],
  ]);
});

Deno.test("the bounds of an array are dropped", () => {
  assertJson(INTS, [
    ["[0:2]={1,2,3}", "[1,2,3]"],
    ["[-2:-1][5:6]={{1,2},{3,4}}", "[[1,2],[3,4]]"],
  ]);
});

Deno.test("text elements are unescaped, and a quoted NULL is a string", () => {
  assertJson(TEXTS, [
    ['{a,NULL,"NULL","nUlL",""}', '["a",null,"NULL","nUlL",""]'],
    ['{"a\\"b","a\\\\b","\\\\\\"","{},"," "}', '["a\\"b","a\\\\b","\\\\\\"","{},"," "]'],
    ['{é,😀,"\n\t","\u2028"}', '["é","😀","\\n\\t","\u2028"]'],
    [`{"${"\\\\".repeat(70_000)}",b}`, `["${"\\\\".repeat(70_000)}","b"]`],
  ]);
});

Deno.test("elements are written by their own type", () => {
  assertJson(arrayOf(base("bool")), [["{t,f}", "[true,false]"]]);
  assertJson(arrayOf(base("float8")), [["{NaN,1e+300,-0}", '["NaN",1e+300,-0]']]);
  assertJson(arrayOf(base("numeric")), [["{1.10,NaN}", '["1.10","NaN"]']]);
  assertJson(arrayOf(base("jsonb")), [['{"{\\"a\\": \\"x\\\\\\"y\\"}",null}', '[{"a": "x\\"y"},null]']]);
  assertJson(arrayOf(base("bytea")), [['{"\\\\x00","\\\\x"}', '["AA==",""]']]);
  assertJson(arrayOf(base("timestamptz")), [
    ['{"2023-10-15 10:30:00+00",infinity}', '["2023-10-15T10:30:00Z","infinity"]'],
  ]);
  assertJson(arrayOf(extension("hstore")), [['{"\\"a\\"=>\\"1\\"",""}', '[{"a":"1"},{}]']]);
  assertJson(arrayOf({ kind: "range" }), [['{"[1,2)",empty}', '["[1,2)","empty"]']]);
  assertJson(arrayOf(extension("vector")), [['{"[1,2]","[3,4]"}', "[[1,2],[3,4]]"]]);
  assertJson(arrayOf({ kind: "enum" }), [['{"very happy",sad}', '["very happy","sad"]']]);
});

Deno.test("box has a semicolon between elements", () => {
  assertJson(arrayOf(base("box"), ";"), [["{(1,1),(0,0);(2,2),(1,1)}", '["(1,1),(0,0)","(2,2),(1,1)"]']]);
});

Deno.test("arrays of domains over arrays, and arrays in composites in arrays", () => {
  assertJson(arrayOf({ kind: "domain", base: INTS }), [['{"{1,2}","{}",NULL}', "[[1,2],[],null]"]]);
  assertJson(arrayOf(composite({ a: TEXTS })), [
    ['{"(\\"{\\"\\"a\\\\\\\\\\"\\"b\\"\\",NULL}\\")"}', '[{"a":["a\\"b",null]}]'],
  ]);
});

Deno.test("text that is not an array is refused", () => {
  const wrong = [
    "",
    "{",
    "}",
    "1",
    "{1",
    "{1,",
    "{1,}",
    "{,1}",
    "{1}}",
    "{1}2",
    "{1}{2}",
    "{{1},2}",
    "{1,{2}}",
    "{{}}",
    "{{1},{}}",
  ];
  assertMalformed(INTS, [
    ...wrong,
    "[0:2]{1}",
    "[0:2]",
    "[0:2]=",
    "[0]={1}",
    "[:]={1}",
    "[0:2={1}",
    "{{1}{2}}",
    "{1;2}",
    "{null}",
  ]);
  assertMalformed(INTS, [
    "{{{{{{{1}}}}}}}",
    "{".repeat(100_000),
    '{1,"2""3"}',
    "{ 1}",
    "{1 }",
    "(1)",
    "{01}",
  ]);
  assertMalformed(TEXTS, ['{"a}', '{"a\\"}', '{"a\\', '{"a"b}', '{a"b}', "{a\\b}", '{"a" ,b}', "{a{b}"]);
});
