// Composite values: from record_out's parentheses to a JSON object. The form is that of the manual's section
// 8.16.6, "Composite Type Input and Output Syntax", and of record_out in PostgreSQL's rowtypes.c.

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { BACKSLASH, CLOSE_BRACE, COMMA, OPEN_BRACE, QUOTE } from "./ascii.ts";
import { CaptureError } from "../../../core/errors.ts";
import { CompositeMismatch, malformed } from "./malformed.ts";
import { scratchBytes } from "./scratch.ts";
import type { ValueWriter } from "./value_writer_type.ts";

const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const JSON_NULL = utf8("null");

/** A field of a composite type, ready to be written. */
interface FieldWriter {
  /** The field's name as a JSON string. */
  readonly name: Uint8Array;
  readonly value: ValueWriter;
}

/**
 * `(1,"a ""b""",)` as `{"id":1,"name":"a \"b\"","note":null}`.
 *
 * @param level how deep the type is nested in others: which scratch buffer is free
 * @param takesFewer whether a value may have the first fields only
 */
export function compositeWriter(
  typeName: string,
  fields: readonly FieldWriter[],
  level: number,
  takesFewer: boolean,
): ValueWriter {
  const keys = fields.map(({ name }, index) => keyFragment(name, index));
  const values = fields.map(({ value }) => value);
  return (src, start, end, out) => {
    try {
      writeFields(typeName, keys, values, level, takesFewer, src, start, end, out);
    } catch (error) {
      // A field's value may be one of another field by now.
      if (error instanceof CompositeMismatch || !(error instanceof CaptureError)) throw error;
      throw new CompositeMismatch(typeName, "it does not fit the type's fields");
    }
  };
}

function writeFields(
  typeName: string,
  keys: readonly Uint8Array[],
  values: readonly ValueWriter[],
  level: number,
  takesFewer: boolean,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): void {
  const last = end - 1;
  if (last <= start || src[start] !== OPEN_PARENTHESIS || src[last] !== CLOSE_PARENTHESIS) {
    throw malformed("composite");
  }
  if (values.length === 0) out.byte(OPEN_BRACE);
  let at = start + 1;
  for (let field = 0; field < values.length; field++) {
    if (field > 0) {
      if (at === last && takesFewer) break;
      if (at === last) {
        throw new CompositeMismatch(typeName, `it has fewer fields than the type's ${values.length}`);
      }
      if (src[at++] !== COMMA) throw malformed("composite");
    }
    out.append(keys[field]!);
    at = src[at] === QUOTE
      ? writeQuotedField(values[field]!, level, src, at + 1, last, out)
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

/** Writes the field without quotes at `src[start]`: nothing at all is a null. Returns the index after it. */
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
    if (special) throw malformed("composite");
  }
  if (i === start) out.append(JSON_NULL);
  else value(src, start, i, out);
  return i;
}

/** Writes the field whose text begins at `src[start]`, after its quote; returns the index after the closing one. */
function writeQuotedField(
  value: ValueWriter,
  level: number,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): number {
  let i = start;
  while (i < end && src[i] !== QUOTE && src[i] !== BACKSLASH) i++;
  if (i < end && src[i] === QUOTE && src[i + 1] !== QUOTE) {
    value(src, start, i, out);
    return i + 1;
  }
  const close = closingQuote(src, i, end);
  const bytes = scratchBytes(level, close - start);
  let length = 0;
  for (let from = start; from < close; from++) {
    // A quote or a backslash here is the first of two.
    if (src[from] === QUOTE || src[from] === BACKSLASH) from++;
    bytes[length++] = src[from]!;
  }
  value(bytes, 0, length, out);
  return close + 1;
}

/** The index of the quote that ends the text: not doubled, and no backslash before it. */
function closingQuote(src: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end) {
    if (src[i] === BACKSLASH) i += 2;
    else if (src[i] !== QUOTE) i++;
    else if (i + 1 < end && src[i + 1] === QUOTE) i += 2;
    else return i;
  }
  throw malformed("composite");
}
