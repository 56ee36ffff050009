// pgvector's vector, which is printed as JSON: `[1,2.5,3]` (vector_out in its src/vector.c). Its halfvec and
// sparsevec are written as strings, like all types without their own writer.

import type { ByteWriter } from "../byte_writer.ts";
import { CLOSE_BRACKET, COMMA, OPEN_BRACKET } from "./ascii.ts";
import { copyBytes } from "./copy.ts";
import { malformedValue } from "./malformed_value.ts";
import { scanNumber } from "./number.ts";

/** Copies the array of numbers. pgvector allows neither NaN nor infinity nor an empty vector. */
export function writeVector(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const last = end - 1;
  if (last <= start || src[start] !== OPEN_BRACKET || src[last] !== CLOSE_BRACKET) {
    throw malformedValue("vector");
  }
  let at = start;
  do {
    at = scanNumber(src, at + 1, last);
    if (at === -1 || (at < last && src[at] !== COMMA)) throw malformedValue("vector");
  } while (at < last);
  copyBytes(src, start, end, out);
}
