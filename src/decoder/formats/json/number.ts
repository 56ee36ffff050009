// Writes numbers digit for digit: the consumer decides how much precision to keep.

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { DOT, isDigit, isWord, MINUS, PLUS, ZERO } from "./ascii.ts";
import { copyBytes, copyQuoted } from "./copy.ts";
import { malformedValue } from "./malformed_value.ts";
import type { ValueWriter } from "./value_writer_type.ts";

const NAN = utf8("NaN");
const INFINITY = utf8("Infinity");
const NEGATIVE_INFINITY = utf8("-Infinity");

/** smallint, integer, bigint, oid: a JSON number with all digits. */
export function integerWriter(typeName: string): ValueWriter {
  return (src, start, end, out) => {
    out.ensure(end - start);
    const bytes = out.bytes;
    let at = out.length;
    let i = start;
    if (i < end && src[i] === MINUS) {
      bytes[at++] = MINUS;
      i++;
    }
    // JSON does not allow leading zeros, and PostgreSQL does not print any.
    if (i === end || (src[i] === ZERO && end - i > 1)) throw malformedValue(typeName);
    for (; i < end; i++) {
      const byte = src[i]!;
      if (byte < 0x30 || byte > 0x39) throw malformedValue(typeName);
      bytes[at++] = byte;
    }
    out.length = at;
  };
}

/** real, double precision: a JSON number, or a string for values that JSON can't express as a number. */
export function floatWriter(typeName: string): ValueWriter {
  return (src, start, end, out) => {
    if (scanNumber(src, start, end) === end) copyBytes(src, start, end, out);
    else writeNotFinite(typeName, src, start, end, out);
  };
}

/** numeric: a string, because JSON parsers round numbers. It keeps `1.10`, and up to 131,072 digits. */
export function numericWriter(typeName: string): ValueWriter {
  return (src, start, end, out) => {
    if (scanNumber(src, start, end) === end) copyQuoted(src, start, end, out);
    else writeNotFinite(typeName, src, start, end, out);
  };
}

/**
 * @returns the index after the JSON number (RFC 8259 section 6) at `src[start]`, or -1 if there is none
 *   before `end`
 */
export function scanNumber(src: Uint8Array, start: number, end: number): number {
  let i = start;
  if (i < end && src[i] === MINUS) i++;
  const first = i;
  i = skipDigits(src, i, end);
  if (i === first || (src[first] === ZERO && i - first > 1)) return -1;
  if (i < end && src[i] === DOT) {
    const fraction = i + 1;
    i = skipDigits(src, fraction, end);
    if (i === fraction) return -1;
  }
  if (i < end && (src[i]! | 0x20) === 0x65) {
    i++;
    if (i < end && (src[i] === PLUS || src[i] === MINUS)) i++;
    const exponent = i;
    i = skipDigits(src, exponent, end);
    if (i === exponent) return -1;
  }
  return i;
}

function skipDigits(src: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && isDigit(src[i])) i++;
  return i;
}

function writeNotFinite(
  typeName: string,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): void {
  const known = isWord(src, start, end, NAN) || isWord(src, start, end, INFINITY) ||
    isWord(src, start, end, NEGATIVE_INFINITY);
  if (!known) throw malformedValue(typeName);
  copyQuoted(src, start, end, out);
}
