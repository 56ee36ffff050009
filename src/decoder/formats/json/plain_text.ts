// Finds what JSON escapes in a long text, four bytes at a time.

import { BACKSLASH, QUOTE } from "./ascii.ts";

const BYTES_PER_WORD = 4;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080;
const SPACES = 0x20 * ONES;
const QUOTES = QUOTE * ONES;
const BACKSLASHES = BACKSLASH * ONES;

/** A larger buffer was made for one huge row, and is not kept for it. */
const KEEP_BYTES_MAX = 1024 * 1024;

/** The words of the buffer that was looked at last: as a rule it is the same one for all rows of a stream. */
let lastWords: Int32Array = new Int32Array(0);

/** The index of the first quote, backslash or control character of `src[start, end)`; `end` where there is none. */
export function plainEnd(src: Uint8Array, start: number, end: number): number {
  const words = wordsOf(src.buffer);
  const base = src.byteOffset;
  const firstWord = Math.ceil((base + start) / BYTES_PER_WORD);
  const lastWord = Math.floor((base + end) / BYTES_PER_WORD);
  if (firstWord >= lastWord) return bytewise(src, start, end);
  const aligned = firstWord * BYTES_PER_WORD - base;
  const before = bytewise(src, start, aligned);
  if (before < aligned) return before;
  let word = firstWord;
  while (word < lastWord && isPlain(words[word]!)) word++;
  return bytewise(src, word * BYTES_PER_WORD - base, end);
}

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (buffer === lastWords.buffer) return lastWords;
  const words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / BYTES_PER_WORD));
  if (buffer.byteLength <= KEEP_BYTES_MAX) lastWords = words;
  return words;
}

/**
 * Whether none of four bytes is below a space, a quote or a backslash. Each term has a byte's high bit set where that
 * byte is below 0x20, or zero after the exclusive or ("Determine if a word has a byte less than n", Bit Twiddling
 * Hacks, Sean Eron Anderson). A borrow can only make a byte after a true hit look like one.
 */
function isPlain(word: number): boolean {
  const quotes = word ^ QUOTES;
  const backslashes = word ^ BACKSLASHES;
  return ((((word - SPACES) & ~word) | ((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes)) &
    HIGH_BITS) === 0;
}

function bytewise(src: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const byte = src[i]!;
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return i;
  }
  return end;
}
