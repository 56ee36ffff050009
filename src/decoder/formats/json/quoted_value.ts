// Elements of arrays and fields of composites that PostgreSQL prints in double quotes: their escapes are
// removed before their own writer reads them.

import type { ByteWriter } from "../byte_writer.ts";
import { BACKSLASH, QUOTE } from "./ascii.ts";
import { malformedValue } from "./malformed_value.ts";
import { scratchBytes } from "./scratch.ts";
import type { ValueWriter } from "./value_writer_type.ts";

/**
 * Writes the quoted value whose text begins at `src[start]`, after its quote.
 * @returns the index after the closing quote
 */
export type QuotedWriter = (src: Uint8Array, start: number, end: number, out: ByteWriter) => number;

/** How the quotes are used. */
export interface Quoting {
  /** The type that the value is part of, for errors. */
  readonly typeName: "array" | "composite";
  /** Whether a doubled quote stands for one (record_out prints those); a backslash escapes in both. */
  readonly doublesQuotes: boolean;
  /** The nesting depth of the type, which selects the free scratch buffer. */
  readonly level: number;
}

export function quotedWriter(value: ValueWriter, { typeName, doublesQuotes, level }: Quoting): QuotedWriter {
  const isEscape = (src: Uint8Array, at: number) =>
    src[at] === BACKSLASH || doublesQuotes && src[at] === QUOTE && src[at + 1] === QUOTE;
  return (src, start, end, out) => {
    let close = start;
    while (close < end && src[close] !== QUOTE && src[close] !== BACKSLASH) close++;
    const isPlain = close < end && !isEscape(src, close);
    while (close < end && (src[close] !== QUOTE || isEscape(src, close))) {
      close += isEscape(src, close) ? 2 : 1;
    }
    if (close >= end) throw malformedValue(typeName);
    if (isPlain) {
      value(src, start, close, out);
      return close + 1;
    }
    const bytes = scratchBytes(level, close - start);
    let length = 0;
    for (let from = start; from < close; from++) {
      // A quote or a backslash here is the first byte of an escape.
      if (src[from] === QUOTE || src[from] === BACKSLASH) from++;
      bytes[length++] = src[from]!;
    }
    value(bytes, 0, length, out);
    return close + 1;
  };
}
