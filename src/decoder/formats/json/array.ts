// Arrays as JSON arrays. For the form that PostgreSQL prints see section 8.15.6 of the manual, "Array Input
// and Output Syntax", and array_out in src/backend/utils/adt/arrayfuncs.c.

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
import { malformedValue } from "./malformed_value.ts";
import { quotedWriter } from "./quoted_value.ts";
import type { ValueWriter } from "./value_writer_type.ts";

/** MAXDIM of PostgreSQL's src/include/utils/array.h. */
const DIMENSIONS_MAX = 6;
const EQUALS = 0x3d;
const NULL = utf8("NULL");
const JSON_NULL = utf8("null");

/**
 * Writes `{1,NULL,"a\"b"}` as `[1,null,"a\"b"]`, with the same nesting. Bounds (`[0:2]={…}`) are dropped.
 *
 * @param delimiter the byte between elements, `pg_type.typdelim`
 * @param level the nesting depth of the type, which selects the free scratch buffer
 */
export function arrayWriter(element: ValueWriter, delimiter: number, level: number): ValueWriter {
  const quoted = quotedWriter(element, { typeName: "array", doublesQuotes: false, level });
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
      if (at >= end) throw malformedValue("array");
      const byte = src[at]!;
      if (valueDue && byte === OPEN_BRACE) {
        if (++open > (elementDepth || DIMENSIONS_MAX)) throw malformedValue("array");
        out.byte(OPEN_BRACKET);
        at++;
      } else if (valueDue) {
        // All elements have the same depth.
        if (open === 0 || (elementDepth !== 0 && open !== elementDepth)) throw malformedValue("array");
        elementDepth = open;
        at = byte === QUOTE
          ? quoted(src, at + 1, end, out)
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
        throw malformedValue("array");
      }
    } while (open > 0);
    if (at !== end) throw malformedValue("array");
  };
}

/** @returns the index after `[0:2][-1:1]=`, or `start` if there are no bounds */
function skipBounds(src: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && src[i] === OPEN_BRACKET) {
    i = skipBound(src, i + 1, end, COLON);
    i = skipBound(src, i, end, CLOSE_BRACKET);
  }
  if (i === start) return start;
  if (i === end || src[i] !== EQUALS) throw malformedValue("array");
  return i + 1;
}

function skipBound(src: Uint8Array, start: number, end: number, closing: number): number {
  let i = start < end && src[start] === MINUS ? start + 1 : start;
  const digits = i;
  while (i < end && isDigit(src[i])) i++;
  if (i === digits || i === end || src[i] !== closing) throw malformedValue("array");
  return i + 1;
}

/** Writes the unquoted element at `src[start]`. @returns the index after it */
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
    if (byte === QUOTE || byte === BACKSLASH || byte === OPEN_BRACE) throw malformedValue("array");
  }
  if (i === start) throw malformedValue("array");
  if (isWord(src, start, i, NULL)) out.append(JSON_NULL);
  else element(src, start, i, out);
  return i;
}
