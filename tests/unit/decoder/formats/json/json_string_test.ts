// Strings keep every byte, escaped only where JSON asks for it.

import assert from "node:assert/strict";
import { ByteWriter } from "../../../../../src/decoder/formats/byte_writer.ts";
import { jsonStringBytes, writeJsonString } from "../../../../../src/decoder/formats/json/json_string.ts";
import { assertJson, base, writeValue, writeValueBytes } from "../../../../support/write_value.ts";

Deno.test("strings escape quote, backslash and control characters, as JSON.stringify does", () => {
  const controls = String.fromCharCode(...Array.from({ length: 0x20 }, (_, code) => code));
  assertJson("text", [
    ["", '""'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\b\t\n\f\r\u0001\u001f\u007f", '"\\b\\t\\n\\f\\r\\u0001\\u001f\u007f"'],
    [controls, JSON.stringify(controls)],
  ]);
});

Deno.test("strings keep everything above the control characters as it is", () => {
  for (
    const text of ["\ufeffBOM", "\uffff", "😀👩‍👩‍👧", "\u2028\u2029", "\u0080", "ſ ẞ ﬃ", "/<>&'", "\u{10ffff}"]
  ) {
    assert.equal(writeValue("text", text), `"${text}"`);
  }
});

Deno.test("every type that the table does not name is a string", () => {
  const names = [
    "varchar",
    "bpchar",
    "name",
    "uuid",
    "inet",
    "cidr",
    "macaddr",
    "xml",
    "tsvector",
    "bit",
  ];
  for (
    const name of [
      ...names,
      "point",
      "box",
      "int2vector",
      "regproc",
      "pg_lsn",
      "xid8",
    ]
  ) {
    assert.equal(writeValue(name, '1 "2"'), '"1 \\"2\\""');
  }
});

Deno.test("an extension's type that only shares a name with another's, and an unknown type, are strings", () => {
  for (const name of ["vector", "json", "int4", "citext", "geometry"]) {
    assert.equal(writeValue({ kind: "extension", extension: "mine", name }, "{"), '"{"');
  }
  assert.equal(writeValue({ kind: "other" }, "{"), '"{"');
});

Deno.test("base types whose names JavaScript's objects have by themselves are strings", () => {
  for (const name of ["__proto__", "constructor", "toString"]) assert.equal(writeValue(name, "1"), '"1"');
});

Deno.test("enums, ranges and multiranges are strings, and a domain is as its base type", () => {
  assertJson({ kind: "enum" }, [["very happy", '"very happy"'], ['"', '"\\""']]);
  assertJson({ kind: "range" }, [
    ['["2023-10-15 10:30:00+00",)', '"[\\"2023-10-15 10:30:00+00\\",)"'],
    ["empty", '"empty"'],
    ["{[1,3),[5,8)}", '"{[1,3),[5,8)}"'],
  ]);
  assertJson({ kind: "domain", base: { kind: "domain", base: base("int4") } }, [["7", "7"]]);
});

Deno.test('"char" is one byte, and one above 0x7f is octal, as PostgreSQL 15 and later print it', () => {
  assertJson("char", [["A", '"A"'], ["", '""'], ['"', '"\\""'], ["\\310", '"\\\\310"']]);
  assert.equal(writeValue("char", new Uint8Array([0xc8])), '"\\\\310"');
});

Deno.test("a long string grows the buffer, all of it escapes too", () => {
  const text = "\u0001".repeat(100_000);
  assert.equal(writeValue("text", text), JSON.stringify(text));
});

Deno.test("bytes are copied untouched even where they are no UTF-8", () => {
  const bytes = new Uint8Array([0xff, 0x22, 0xc0, 0x80]);
  assert.deepEqual(
    writeValueBytes("text", bytes),
    new Uint8Array([0x22, 0xff, 0x5c, 0x22, 0xc0, 0x80, 0x22]),
  );
});

Deno.test("writeJsonString appends exactly at the end of what is there", () => {
  const out = new ByteWriter();
  out.length = out.bytes.length - 1;
  writeJsonString(new TextEncoder().encode("a\nb"), 0, 3, out);
  assert.equal(new TextDecoder().decode(out.bytes.subarray(out.length - 6, out.length)), '"a\\nb"');
});

Deno.test("jsonStringBytes makes UTF-8 of any string, lone surrogates included", () => {
  const text = (name: string) =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(jsonStringBytes(name));
  assert.equal(text('col"umn'), '"col\\"umn"');
  assert.equal(text("__proto__"), '"__proto__"');
  assert.equal(text("\ufeffé😀"), '"\ufeffé😀"');
  assert.equal(text("\ud800x"), '"\\ud800x"');
});

Deno.test("long texts are escaped at every place, wherever they begin in the buffer", () => {
  for (const special of ['"', "\\", "\n", "\u0000", "\u001f"]) {
    for (const offset of [0, 1, 2, 3]) {
      for (const at of [0, 31, 32, 33, 34, 35, 36, 63, 64, 98, 99]) {
        // Beside it are bytes that a borrow could be mistaken for: one above each that is escaped, and high ones.
        const text = `${"#".repeat(at)}${special}${"!]\u0020\u0080ÿ".repeat(20)}`;
        const bytes = new TextEncoder().encode(`${"x".repeat(offset)}${text}"`);
        const out = new ByteWriter();
        writeJsonString(bytes.subarray(1), offset - 1 < 0 ? 0 : offset - 1, bytes.length - 2, out);
        const written = new TextDecoder().decode(out.bytes.subarray(0, out.length));
        assert.equal(written, JSON.stringify(offset === 0 ? text.slice(1) : text));
      }
    }
  }
});

Deno.test("long texts with no escape and with an escape in every byte come out whole", () => {
  for (const text of ["a".repeat(10_000), '"'.repeat(10_000), "ä\u0001".repeat(5_000)]) {
    assert.equal(writeValue("text", text), JSON.stringify(text));
  }
});
