// pgvector's vector and halfvec, which print as JSON already: `[1,2.5,3]` (vector_out in its src/vector.c).

import { CLOSE_BRACKET, COMMA, OPEN_BRACKET } from "./ascii.ts";
import { copyBytes } from "./copy.ts";
import { malformed } from "./malformed.ts";
import { scanNumber } from "./number.ts";
import type { ValueWriter } from "./writer.ts";

/** An array of numbers, digit for digit. pgvector lets in neither NaN, nor infinity, nor a vector of none. */
export function vectorWriter(typeName: string): ValueWriter {
  return (src, start, end, out) => {
    const last = end - 1;
    if (last <= start || src[start] !== OPEN_BRACKET || src[last] !== CLOSE_BRACKET) {
      throw malformed(typeName);
    }
    let at = start;
    do {
      at = scanNumber(src, at + 1, last);
      if (at === -1 || (at < last && src[at] !== COMMA)) throw malformed(typeName);
    } while (at < last);
    copyBytes(src, start, end, out);
  };
}
