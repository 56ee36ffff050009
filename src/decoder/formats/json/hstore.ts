// hstore as a JSON object. hstore_out in PostgreSQL's contrib/hstore/hstore_io.c prints pairs of
// `"key"=>"value"` with `, ` between them, and NULL without quotes.

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { CLOSE_BRACE, COLON, COMMA, isWord, OPEN_BRACE, QUOTE } from "./ascii.ts";
import { writeQuotedText } from "./json_string.ts";
import { malformedValue } from "./malformed_value.ts";

const ARROW = utf8("=>");
const SEPARATOR = utf8(", ");
const NULL = utf8("NULL");
const JSON_NULL = utf8("null");

/**
 * Writes `"a"=>"1", "b"=>NULL` as `{"a":"1","b":null}`, with the keys in the order that PostgreSQL prints.
 */
export function writeHstore(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.byte(OPEN_BRACE);
  let at = start;
  while (at < end) {
    if (at > start) {
      at = skipWord(src, at, end, SEPARATOR);
      out.byte(COMMA);
    }
    at = writeText(src, at, end, out);
    at = skipWord(src, at, end, ARROW);
    out.byte(COLON);
    if (at < end && src[at] === QUOTE) {
      at = writeText(src, at, end, out);
    } else {
      at = skipWord(src, at, end, NULL);
      out.append(JSON_NULL);
    }
  }
  out.byte(CLOSE_BRACE);
}

function writeText(src: Uint8Array, start: number, end: number, out: ByteWriter): number {
  const after = writeQuotedText(src, start, end, out);
  if (after === -1) throw malformedValue("hstore");
  return after;
}

function skipWord(src: Uint8Array, start: number, end: number, word: Uint8Array): number {
  const after = start + word.length;
  if (after > end || !isWord(src, start, after, word)) throw malformedValue("hstore");
  return after;
}
