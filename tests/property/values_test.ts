// Value writers: what is written reads back as the value, and any bytes give JSON or a decoding error.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PgType } from "../../src/core/pg_type.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { arrayOf, base, composite, extension, writeValue, writeValueBytes } from "../support/write_value.ts";

/** PostgreSQL's text has no NUL, and UTF-8 no lone surrogates. */
const pgText = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""));
/** Text that is mostly made of what the output syntaxes have to quote. */
const awkwardText = fc.string({ unit: fc.constantFrom(...`"\\{}(),;' \t\n=>NULa[]é😀`) });
const text = fc.oneof(pgText, awkwardText, fc.constantFrom("NULL", "null", ""));
const textOrNull = fc.option(text, { freq: 4 });

Deno.test("a string reads back as it was", () => {
  fc.assert(fc.property(text, (value) => assert.equal(JSON.parse(writeValue("text", value)), value)));
});

Deno.test("an integer and a double read back as they were", () => {
  fc.assert(
    fc.property(
      fc.maxSafeInteger(),
      (value) => assert.equal(JSON.parse(writeValue("int8", `${value}`)), value),
    ),
  );
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    const printed = Object.is(value, -0) ? "-0" : `${value}`;
    assert.ok(Object.is(JSON.parse(writeValue("float8", printed)), value));
  }));
});

Deno.test("a timestamptz is the same moment to JavaScript", () => {
  const moment = fc.date({
    min: new Date("0001-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(fc.property(moment, (value) => {
    const printed = value.toISOString().replace("T", " ").replace("Z", "+00");
    assert.equal(new Date(JSON.parse(writeValue("timestamptz", printed))).getTime(), value.getTime());
  }));
});

Deno.test("bytea is what the platform's base64 makes of it", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (value) => {
    const hex = Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
    assert.equal(JSON.parse(writeValue("bytea", `\\x${hex}`)), btoa(String.fromCharCode(...value)));
  }));
});

Deno.test("an array of text of any dimensions reads back as it was", () => {
  fc.assert(fc.property(array(textOrNull), fc.boolean(), (value, withBounds) => {
    const printed = `${withBounds && value.length > 0 ? bounds(value) : ""}${printArray(value, ",")}`;
    assert.deepEqual(JSON.parse(writeValue(arrayOf(base("text")), printed)), value);
  }));
});

Deno.test("an array with another delimiter reads back as it was", () => {
  fc.assert(fc.property(array(textOrNull), (value) => {
    assert.deepEqual(JSON.parse(writeValue(arrayOf(base("text"), ";"), printArray(value, ";"))), value);
  }));
});

Deno.test("a composite in an array in a composite reads back as it was", () => {
  const inner = composite({ a: base("text"), 'b"': base("text") });
  const outer = composite({ one: inner, many: arrayOf(inner), note: base("text") });
  const row = fc.option(fc.tuple(textOrNull, textOrNull), { freq: 4 });
  fc.assert(fc.property(row, fc.array(row, { maxLength: 4 }), textOrNull, (one, many, note) => {
    const printInner = (value: [string | null, string | null] | null) =>
      value === null ? null : printComposite(value);
    const printed = printComposite([printInner(one), printArray(many.map(printInner), ","), note]);
    const object = (value: [string | null, string | null] | null) =>
      value === null ? null : { a: value[0], 'b"': value[1] };
    const expected = { one: object(one), many: many.map(object), note };
    assert.deepEqual(JSON.parse(writeValue(outer, printed)), expected);
  }));
});

Deno.test("an hstore reads back as it was", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.tuple(text, textOrNull), { selector: ([key]) => key }), (pairs) => {
    const quote = (part: string) => `"${part.replace(/["\\]/g, "\\$&")}"`;
    const printed = pairs.map(([key, value]) => `${quote(key)}=>${value === null ? "NULL" : quote(value)}`)
      .join(", ");
    const expected = Object.fromEntries(pairs);
    assert.deepEqual(JSON.parse(writeValue(extension("hstore"), printed)), expected);
  }));
});

/** A type, and values of it to start from. json is left out: it is copied, never looked at. */
const SAMPLES: readonly (readonly [type: PgType, values: readonly string[]])[] = [
  [base("text"), ['a"b\\c\n']],
  [base("char"), ["A"]],
  [base("bool"), ["t"]],
  [base("int8"), ["-9223372036854775808"]],
  [base("float8"), ["-1.5e+300", "NaN", "-Infinity"]],
  [base("numeric"), ["1.10", "Infinity"]],
  [base("bytea"), ["\\x", "\\xdeadbeef00"]],
  [base("timestamptz"), ["2023-10-15 10:30:00.123456+00", "0044-03-15 12:00:00+00 BC", "infinity"]],
  [base("timestamp"), ["2023-10-15 10:30:00.123456", "0044-03-15 12:00:00 BC", "-infinity"]],
  [base("date"), ["2023-10-15", "0044-03-15 BC"]],
  [base("time"), ["10:30:00.5"]],
  [base("timetz"), ["10:30:00+02", "10:30:00-05:30:15", "10:30:00+00"]],
  [base("interval"), ["P-1Y2M3DT-4H5M6.5S"]],
  [extension("hstore"), ['"k"=>"v", "n"=>NULL']],
  [extension("vector"), ["[1,2.5,-3e-07]"]],
  [{ kind: "enum" }, ["sad"]],
  [arrayOf(base("int4")), ["{{1,2},{NULL,4}}", "[0:1]={1,2}", "{}"]],
  [arrayOf(base("text")), ['{a,"b\\"c",NULL}']],
  [arrayOf(base("timestamptz")), ['{"2023-10-15 10:30:00+00"}']],
  [composite({ a: base("int4"), b: arrayOf(composite({ c: base("text"), d: base("bytea") })) }), [
    '(1,"{""(x,\\\\""\\\\\\\\\\\\\\\\x00\\\\"")""}")',
    "(,)",
  ]],
];

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

function assertTotal(type: PgType, value: Uint8Array): void {
  let written: Uint8Array;
  try {
    written = writeValueBytes(type, value);
  } catch (error) {
    assert.ok(error instanceof CaptureError && error.kind === "decoding", `${error}`);
    return;
  }
  JSON.parse(lossy.decode(written));
}

Deno.test("the samples are values that are written", () => {
  for (const [type, values] of SAMPLES) for (const value of values) JSON.parse(writeValue(type, value));
});

Deno.test("random bytes give JSON or a decoding error", () => {
  const syntax = fc.constantFrom(...new TextEncoder().encode('{}[](),;"\\:=>- +.0123456789TPNULtfexinaBC'));
  const bytes = fc.array(fc.oneof({ weight: 3, arbitrary: syntax }, fc.nat(255)), { maxLength: 24 });
  for (const [type] of SAMPLES) {
    fc.assert(fc.property(bytes, (value) => assertTotal(type, Uint8Array.from(value))), { numRuns: 500 });
  }
});

Deno.test("values with bytes changed, added or taken away give JSON or a decoding error", () => {
  const change = fc.tuple(fc.constantFrom("set", "insert", "delete", "cut"), fc.nat(), fc.nat(255));
  for (const [type, values] of SAMPLES) {
    const value = fc.constantFrom(...values);
    fc.assert(
      fc.property(value, fc.array(change, { minLength: 0, maxLength: 3 }), (sample, changes) => {
        const bytes = [...new TextEncoder().encode(sample)];
        for (const [how, place, byte] of changes) {
          const at = place % (bytes.length + 1);
          if (how === "cut") bytes.length = at;
          else bytes.splice(at, how === "insert" ? 0 : 1, ...(how === "delete" ? [] : [byte]));
        }
        assertTotal(type, Uint8Array.from(bytes));
      }),
      { numRuns: 500 },
    );
  }
});

/** An array as PostgreSQL has them: all parts of a dimension are equally long, none is empty but the whole. */
type Nested = (string | null | Nested)[];

function array(element: fc.Arbitrary<string | null>): fc.Arbitrary<Nested> {
  const size = { minLength: 1, maxLength: 3 };
  return fc.oneof(
    fc.array<string | null | Nested>(element, { maxLength: 5 }),
    fc.array<Nested>(fc.tuple<[string | null, string | null]>(element, element), size),
    fc.array<Nested>(
      fc.array<Nested>(fc.tuple<[string | null]>(element), { minLength: 2, maxLength: 2 }),
      size,
    ),
  );
}

/** array_out of PostgreSQL's arrayfuncs.c. */
function printArray(value: Nested, delimiter: string): string {
  const print = (element: string | null | Nested): string => {
    if (element === null) return "NULL";
    if (typeof element !== "string") return printArray(element, delimiter);
    const needsQuotes = element === "" || /^null$/i.test(element) || /["\\{} \t\n\r\v\f]/.test(element) ||
      element.includes(delimiter);
    return needsQuotes ? `"${element.replace(/["\\]/g, "\\$&")}"` : element;
  };
  return `{${value.map(print).join(delimiter)}}`;
}

/** The bounds that array_out prints where one does not begin at 1. */
function bounds(value: Nested): string {
  const first = value[0];
  const inner = Array.isArray(first) ? bounds(first).slice(0, -1) : "";
  return `[-1:${value.length - 2}]${inner}=`;
}

/** record_out of PostgreSQL's rowtypes.c. */
function printComposite(fields: readonly (string | null)[]): string {
  const print = (field: string | null): string => {
    if (field === null) return "";
    const needsQuotes = field === "" || /["\\(), \t\n\r\v\f]/.test(field);
    return needsQuotes ? `"${field.replace(/["\\]/g, "$&$&")}"` : field;
  };
  return `(${fields.map(print).join(",")})`;
}
