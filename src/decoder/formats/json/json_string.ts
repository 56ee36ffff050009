// Writes JSON strings.

import { utf8 } from "../../../core/utf8.ts";
import type { ByteWriter } from "../byte_writer.ts";
import { BACKSLASH, QUOTE, ZERO } from "./ascii.ts";
import { plainEnd } from "./plain_text.ts";

/** The two-character escape of each control character (RFC 8259 section 7); 0 if it has none. */
const SHORT_ESCAPES = new Uint8Array(0x20);
SHORT_ESCAPES[0x08] = 0x62;
SHORT_ESCAPES[0x09] = 0x74;
SHORT_ESCAPES[0x0a] = 0x6e;
SHORT_ESCAPES[0x0c] = 0x66;
SHORT_ESCAPES[0x0d] = 0x72;

/** The longest escape: `\u001f`. */
const ESCAPE_BYTES_MAX = 6;
/**
 * This many bytes are checked and copied one by one. If none needs an escape, longer parts are checked before
 * they are copied.
 */
const SHORT_BYTES = 32;

/**
 * Appends `src[start, end)` as a JSON string. Quotes, backslashes and control characters are escaped as by
 * `JSON.stringify`, all other bytes are copied.
 */
export function writeJsonString(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.ensure(end - start + 2);
  out.bytes[out.length++] = QUOTE;
  let from = start;
  let next = copyPlain(src, from, end, out.bytes, out.length);
  while (next < end) {
    out.length += next - from;
    out.ensure(end - next + ESCAPE_BYTES_MAX);
    out.length = writeEscape(src[next]!, out.bytes, out.length);
    from = next + 1;
    next = copyPlain(src, from, end, out.bytes, out.length);
  }
  out.length += next - from;
  out.bytes[out.length++] = QUOTE;
}

/**
 * Appends the quoted text at `src[start]` as a JSON string. PostgreSQL (hstore_out) escapes quotes and
 * backslashes in it with a backslash, as JSON does.
 *
 * @returns the index after the closing quote, or -1 if there is no such text at `src[start]`
 */
export function writeQuotedText(src: Uint8Array, start: number, end: number, out: ByteWriter): number {
  if (start >= end || src[start] !== QUOTE) return -1;
  out.byte(QUOTE);
  let i = start + 1;
  while (i < end) {
    let byte = src[i++]!;
    if (byte === QUOTE) {
      out.byte(QUOTE);
      return i;
    }
    if (byte === BACKSLASH) {
      if (i === end) return -1;
      byte = src[i++]!;
      if (byte !== QUOTE && byte !== BACKSLASH) return -1;
    }
    out.ensure(ESCAPE_BYTES_MAX);
    if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) out.bytes[out.length++] = byte;
    else out.length = writeEscape(byte, out.bytes, out.length);
  }
  return -1;
}

/**
 * Encodes `text` as a JSON string in UTF-8, for names, which are the same in every row. Lone surrogates
 * become `\udXXX` escapes (ECMA-262 section 25.5.2.3), so the result is always valid UTF-8.
 */
export function jsonStringBytes(text: string): Uint8Array {
  return utf8(JSON.stringify(text));
}

/**
 * Copies up to the first byte that needs an escape. `bytes` must have room.
 * @returns the index of that byte, or `end`
 */
function copyPlain(src: Uint8Array, start: number, end: number, bytes: Uint8Array, at: number): number {
  const offset = at - start;
  // Up to twice SHORT_BYTES, the other method takes longer than it saves.
  const short = end - start > 2 * SHORT_BYTES ? start + SHORT_BYTES : end;
  for (let i = start; i < short; i++) {
    const byte = src[i]!;
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return i;
    bytes[i + offset] = byte;
  }
  if (short === end) return end;
  const next = plainEnd(src, short, end);
  bytes.set(src.subarray(short, next), short + offset);
  return next;
}

function writeEscape(byte: number, bytes: Uint8Array, at: number): number {
  bytes[at++] = BACKSLASH;
  if (byte >= 0x20) {
    bytes[at++] = byte;
    return at;
  }
  const short = SHORT_ESCAPES[byte]!;
  if (short !== 0) {
    bytes[at++] = short;
    return at;
  }
  bytes[at++] = 0x75;
  bytes[at++] = ZERO;
  bytes[at++] = ZERO;
  bytes[at++] = ZERO + (byte >> 4);
  bytes[at++] = hexDigit(byte & 0xf);
  return at;
}

function hexDigit(value: number): number {
  return value < 10 ? ZERO + value : 0x57 + value;
}
