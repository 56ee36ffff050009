// Composite values as JSON objects. For the form that PostgreSQL prints see section 8.16.6 of the manual,
// "Composite Type Input and Output Syntax", and record_out in src/backend/utils/adt/rowtypes.c.

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { BACKSLASH, CLOSE_BRACE, COMMA, OPEN_BRACE, QUOTE } from "./ascii.ts";
import { CaptureError } from "../../../core/errors.ts";
import { CompositeMismatch } from "../../composite_mismatch.ts";
import { malformedValue } from "./malformed_value.ts";
import { type QuotedWriter, quotedWriter } from "./quoted_value.ts";
import type { ValueWriter } from "./value_writer_type.ts";

const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const JSON_NULL = utf8("null");

/** The writer of one field of a composite type. */
interface FieldWriter {
  /** The field's name as a JSON string. */
  readonly name: Uint8Array;
  readonly value: ValueWriter;
}

/**
 * Writes `(1,"a ""b""",)` as `{"id":1,"name":"a \"b\"","note":null}`.
 *
 * @param level the nesting depth of the type, which selects the free scratch buffer
 * @param takesFewer whether a value may lack the last fields
 */
export function compositeWriter(
  typeName: string,
  fields: readonly FieldWriter[],
  level: number,
  takesFewer: boolean,
): ValueWriter {
  const keys = fields.map(({ name }, index) => keyFragment(name, index));
  const values = fields.map(({ value }) => value);
  const quoted = values.map((value) =>
    quotedWriter(value, { typeName: "composite", doublesQuotes: true, level })
  );
  return (src, start, end, out) => {
    try {
      writeFields(typeName, keys, values, quoted, takesFewer, src, start, end, out);
    } catch (error) {
      // The type was altered: the value may belong to another field.
      if (error instanceof CompositeMismatch || !(error instanceof CaptureError)) throw error;
      throw new CompositeMismatch(typeName, "it does not fit the type's fields");
    }
  };
}

function writeFields(
  typeName: string,
  keys: readonly Uint8Array[],
  values: readonly ValueWriter[],
  quoted: readonly QuotedWriter[],
  takesFewer: boolean,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): void {
  const last = end - 1;
  if (last <= start || src[start] !== OPEN_PARENTHESIS || src[last] !== CLOSE_PARENTHESIS) {
    throw malformedValue("composite");
  }
  if (values.length === 0) out.byte(OPEN_BRACE);
  let at = start + 1;
  for (let field = 0; field < values.length; field++) {
    if (field > 0) {
      if (at === last && takesFewer) break;
      if (at === last) {
        throw new CompositeMismatch(typeName, `it has fewer fields than the type's ${values.length}`);
      }
      if (src[at++] !== COMMA) throw malformedValue("composite");
    }
    out.append(keys[field]!);
    at = src[at] === QUOTE
      ? quoted[field]!(src, at + 1, last, out)
      : writeBareField(values[field]!, src, at, last, out);
  }
  if (at !== last) {
    throw new CompositeMismatch(typeName, `it has more fields than the type's ${values.length}`);
  }
  out.byte(CLOSE_BRACE);
}

/** `{"name":` for the first field, `,"name":` for the others. */
function keyFragment(name: Uint8Array, index: number): Uint8Array {
  const fragment = new Uint8Array(name.length + 2);
  fragment[0] = index === 0 ? OPEN_BRACE : COMMA;
  fragment.set(name, 1);
  fragment[name.length + 1] = 0x3a;
  return fragment;
}

/** Writes the unquoted field at `src[start]`; an empty one is null. @returns the index after it */
function writeBareField(
  value: ValueWriter,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): number {
  let i = start;
  for (; i < end && src[i] !== COMMA; i++) {
    const byte = src[i]!;
    const special = byte === QUOTE || byte === BACKSLASH || byte === OPEN_PARENTHESIS ||
      byte === CLOSE_PARENTHESIS;
    if (special) throw malformedValue("composite");
  }
  if (i === start) out.append(JSON_NULL);
  else value(src, start, i, out);
  return i;
}
