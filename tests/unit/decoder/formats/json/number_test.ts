// Numbers become JSON numbers or strings, digit for digit.

import { assertJson, assertMalformed } from "../../../../support/write_value.ts";

const LONGEST_NUMERIC = `${"9".repeat(131072)}.${"1".repeat(16383)}`;

Deno.test("integers are copied with all digits", () => {
  assertJson("int2", [["-32768", "-32768"], ["0", "0"]]);
  assertJson("int4", [["2147483647", "2147483647"], ["-1", "-1"]]);
  assertJson("int8", [["9223372036854775807", "9223372036854775807"], [
    "-9223372036854775808",
    "-9223372036854775808",
  ]]);
  assertJson("oid", [["4294967295", "4294967295"]]);
});

Deno.test("text that is not an integer is refused", () => {
  const wrong = [
    "",
    "-",
    "--1",
    "+1",
    "01",
    "-01",
    "00",
    "1.5",
    "1e5",
    " 1",
    "1 ",
    "0x1",
    "NaN",
    "1\0",
    "٣",
    "1,2",
  ];
  for (const type of ["int2", "int4", "int8", "oid"]) assertMalformed(type, wrong);
});

Deno.test("floats are copied digit for digit, and what JSON has no number for is a string", () => {
  const cases = [
    ["3.141592653589793", "3.141592653589793"],
    ["-0", "-0"],
    ["0", "0"],
    ["1e+300", "1e+300"],
    ["5e-324", "5e-324"],
    ["1.7976931348623157e+308", "1.7976931348623157e+308"],
    ["NaN", '"NaN"'],
    ["Infinity", '"Infinity"'],
    ["-Infinity", '"-Infinity"'],
  ] as const;
  assertJson("float4", cases);
  assertJson("float8", cases);
});

Deno.test("numeric is a string, digit for digit", () => {
  assertJson("numeric", [
    ["1.10", '"1.10"'],
    ["-0.00", '"-0.00"'],
    ["0", '"0"'],
    ["100000000000000000000", '"100000000000000000000"'],
    ["NaN", '"NaN"'],
    ["Infinity", '"Infinity"'],
    ["-Infinity", '"-Infinity"'],
    [LONGEST_NUMERIC, `"${LONGEST_NUMERIC}"`],
  ]);
});

Deno.test("text that is neither a number nor one of the three special values is refused", () => {
  const wrong = [
    "",
    "-",
    ".5",
    "5.",
    "1.e5",
    "1e",
    "1e+",
    "01",
    "+1",
    "1..2",
    "1 ",
    "nan",
    "inf",
    "infinity",
    "-NaN",
  ];
  for (const type of ["float4", "float8", "numeric"]) {
    assertMalformed(type, [...wrong, "Infinity0", "Infinit"]);
  }
});

Deno.test("money is a string, whatever the locale prints", () => {
  assertJson("money", [["$1,234.56", '"$1,234.56"'], [
    "-92.233.720.368.547.758,08 €",
    '"-92.233.720.368.547.758,08 €"',
  ]]);
});
