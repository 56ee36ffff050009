// Arrays: from array_out's braces to JSON's brackets. The form is that of the manual's section 8.15.6, "Array
// Input and Output Syntax", and of array_out in PostgreSQL's src/backend/utils/adt/arrayfuncs.c.

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isDigit,
  isWord,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from "./ascii.ts";
import { malformed } from "./malformed.ts";
import { scratchBytes } from "./scratch.ts";
import type { ValueWriter } from "./value_writer_type.ts";

/** MAXDIM of PostgreSQL's src/include/utils/array.h. */
const DIMENSIONS_MAX = 6;
const EQUALS = 0x3d;
const NULL = utf8("NULL");
const JSON_NULL = utf8("null");

/**
 * `{1,NULL,"a\"b"}` as `[1,null,"a\"b"]`, nested as it is; bounds (`[0:2]={…}`) are dropped.
 *
 * @param delimiter the byte between elements, `pg_type.typdelim`
 * @param level how deep the type is nested in others: which scratch buffer is free
 */
export function arrayWriter(element: ValueWriter, delimiter: number, level: number): ValueWriter {
  return (src, start, end, out) => {
    let at = skipBounds(src, start, end);
    if (end - at === 2 && src[at] === OPEN_BRACE && src[at + 1] === CLOSE_BRACE) {
      out.byte(OPEN_BRACKET);
      out.byte(CLOSE_BRACKET);
      return;
    }
    let open = 0;
    let elementDepth = 0;
    let valueDue = true;
    do {
      if (at >= end) throw malformed("array");
      const byte = src[at]!;
      if (valueDue && byte === OPEN_BRACE) {
        if (++open > (elementDepth || DIMENSIONS_MAX)) throw malformed("array");
        out.byte(OPEN_BRACKET);
        at++;
      } else if (valueDue) {
        // All elements are equally deep.
        if (open === 0 || (elementDepth !== 0 && open !== elementDepth)) throw malformed("array");
        elementDepth = open;
        at = byte === QUOTE
          ? writeQuotedElement(element, level, src, at + 1, end, out)
          : writeBareElement(element, delimiter, src, at, end, out);
        valueDue = false;
      } else if (byte === delimiter) {
        out.byte(COMMA);
        at++;
        valueDue = true;
      } else if (byte === CLOSE_BRACE) {
        out.byte(CLOSE_BRACKET);
        at++;
        open--;
      } else {
        throw malformed("array");
      }
    } while (open > 0);
    if (at !== end) throw malformed("array");
  };
}

/** The index after `[0:2][-1:1]=`, or `start` where there are no bounds. */
function skipBounds(src: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && src[i] === OPEN_BRACKET) {
    i = skipBound(src, i + 1, end, COLON);
    i = skipBound(src, i, end, CLOSE_BRACKET);
  }
  if (i === start) return start;
  if (i === end || src[i] !== EQUALS) throw malformed("array");
  return i + 1;
}

function skipBound(src: Uint8Array, start: number, end: number, closing: number): number {
  let i = start < end && src[start] === MINUS ? start + 1 : start;
  const digits = i;
  while (i < end && isDigit(src[i])) i++;
  if (i === digits || i === end || src[i] !== closing) throw malformed("array");
  return i + 1;
}

/** Writes the element without quotes at `src[start]`; returns the index after it. */
function writeBareElement(
  element: ValueWriter,
  delimiter: number,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): number {
  let i = start;
  for (; i < end; i++) {
    const byte = src[i]!;
    if (byte === delimiter || byte === CLOSE_BRACE) break;
    if (byte === QUOTE || byte === BACKSLASH || byte === OPEN_BRACE) throw malformed("array");
  }
  if (i === start) throw malformed("array");
  if (isWord(src, start, i, NULL)) out.append(JSON_NULL);
  else element(src, start, i, out);
  return i;
}

/** Writes the element whose text begins at `src[start]`, after its quote; returns the index after the closing one. */
function writeQuotedElement(
  element: ValueWriter,
  level: number,
  src: Uint8Array,
  start: number,
  end: number,
  out: ByteWriter,
): number {
  let i = start;
  while (i < end && src[i] !== QUOTE && src[i] !== BACKSLASH) i++;
  if (i < end && src[i] === QUOTE) {
    element(src, start, i, out);
    return i + 1;
  }
  let close = i;
  while (close < end && src[close] !== QUOTE) close += src[close] === BACKSLASH ? 2 : 1;
  if (close >= end) throw malformed("array");
  const bytes = scratchBytes(level, close - start);
  let length = 0;
  for (let from = start; from < close; from++) {
    if (src[from] === BACKSLASH) from++;
    bytes[length++] = src[from]!;
  }
  element(bytes, 0, length, out);
  return close + 1;
}
