// Searches long texts for characters that JSON escapes, four bytes at a time.

import { BACKSLASH, QUOTE } from "./ascii.ts";

const BYTES_PER_WORD = 4;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080;
const SPACES = 0x20 * ONES;
const QUOTES = QUOTE * ONES;
const BACKSLASHES = BACKSLASH * ONES;

/** The view of a larger buffer is not kept, because that buffer was created for a huge row. */
const KEEP_BYTES_MAX = 1024 * 1024;

/** The view of the last buffer. Usually all rows of a stream are in the same buffer. */
let lastWords: Int32Array = new Int32Array(0);

/** @returns the index of the first quote, backslash or control character in `src[start, end)`, or `end` */
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
 * Whether none of the four bytes is a control character, a quote or a backslash. In each term the high bit of
 * a byte is set if that byte is below 0x20, or zero after the exclusive or (Sean Eron Anderson, Bit Twiddling
 * Hacks, "Determine if a word has a byte less than n"). A borrow can set it wrongly, but only next to a byte
 * where it is set correctly.
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
