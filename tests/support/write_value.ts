// Runs a value writer as the decoder does, in the middle of a buffer, and gives what it wrote.

import assert from "node:assert/strict";
import { ByteWriter } from "../../src/decoder/formats/byte_writer.ts";
import type { PgType } from "../../src/core/pg_type.ts";
import { valueWriter } from "../../src/decoder/formats/json/value_writer.ts";
import { CaptureError } from "../../src/core/errors.ts";

/** Bytes around the value that continue most forms: a writer that reads past an end is caught. */
const BEFORE = new TextEncoder().encode('7"{(\\');
const AFTER = new TextEncoder().encode('00"},)]+00:00 BC');

const OUT_BEFORE = "[";

/** A base type of PostgreSQL's own, by its name. */
export function base(name: string): PgType {
  return { kind: "base", name };
}

/** The type that is named like its extension. */
export function extension(name: string): PgType {
  return { kind: "extension", extension: name, name };
}

export function arrayOf(element: PgType, delimiter = ","): PgType {
  return { kind: "array", element, delimiter };
}

export function composite(fields: Readonly<Record<string, PgType>>): PgType {
  return { kind: "composite", fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

/** The JSON text of a value; `type` may be the name of a base type. */
export function writeValue(type: PgType | string, value: string | Uint8Array): string {
  // A fatal decoder shows bytes that are not UTF-8; ignoreBOM keeps a byte order mark.
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(writeValueBytes(type, value));
}

/** The JSON text of a value, as bytes. */
export function writeValueBytes(type: PgType | string, value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  const src = new Uint8Array([...BEFORE, ...bytes, ...AFTER]);
  const out = new ByteWriter();
  out.append(new TextEncoder().encode(OUT_BEFORE));
  const writer = valueWriter(typeof type === "string" ? base(type) : type, false);
  writer(src, BEFORE.length, BEFORE.length + bytes.length, out);
  assert.equal(out.bytes[0], OUT_BEFORE.charCodeAt(0));
  return out.bytes.slice(OUT_BEFORE.length, out.length);
}

/** Asserts that each value is refused as a decoding error that names no value. */
export function assertMalformed(type: PgType | string, values: readonly (string | Uint8Array)[]): void {
  for (const value of values) {
    assert.throws(
      () => writeValue(type, value),
      (error) => {
        assert.ok(error instanceof CaptureError && error.kind === "decoding", `${value}: ${error}`);
        assert.match(error.message, /^Cannot write a value of type [a-z "]+ as JSON: /);
        return true;
      },
      `must be refused: ${JSON.stringify(value)}`,
    );
  }
}

/** Asserts each value's exact JSON text. */
export function assertJson(
  type: PgType | string,
  cases: readonly (readonly [text: string, json: string])[],
): void {
  for (const [text, json] of cases) {
    const written = writeValue(type, text);
    assert.equal(written, json);
    JSON.parse(written);
  }
}
