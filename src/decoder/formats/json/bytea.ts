// bytea as base64 (RFC 4648 section 4), from the hex format that PostgreSQL prints (bytea_output = hex).

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { BACKSLASH, QUOTE } from "./ascii.ts";
import { malformedValue } from "./malformed_value.ts";

const LETTER_X = 0x78;
const PADDING = 0x3d;
const ALPHABET = utf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

/** The value of each hex digit; -1 for other bytes, which makes a bitwise OR with them negative. */
const HEX = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Writes `\x48692100` as `"SGkhAA=="`. */
export function writeBytea(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const first = start + 2;
  if (end < first || src[start] !== BACKSLASH || src[start + 1] !== LETTER_X || (end - first) % 2 !== 0) {
    throw malformedValue("bytea");
  }
  out.ensure(Math.ceil((end - first) / 6) * 4 + 2);
  const bytes = out.bytes;
  let at = out.length;
  let seen = 0;
  bytes[at++] = QUOTE;
  let i = first;
  for (; i + 6 <= end; i += 6) {
    const group = hexByte(src, i) << 16 | hexByte(src, i + 2) << 8 | hexByte(src, i + 4);
    seen |= group;
    bytes[at++] = ALPHABET[group >> 18 & 0x3f]!;
    bytes[at++] = ALPHABET[group >> 12 & 0x3f]!;
    bytes[at++] = ALPHABET[group >> 6 & 0x3f]!;
    bytes[at++] = ALPHABET[group & 0x3f]!;
  }
  if (i < end) {
    const two = end - i === 4;
    const group = hexByte(src, i) << 16 | (two ? hexByte(src, i + 2) << 8 : 0);
    seen |= group;
    bytes[at++] = ALPHABET[group >> 18 & 0x3f]!;
    bytes[at++] = ALPHABET[group >> 12 & 0x3f]!;
    bytes[at++] = two ? ALPHABET[group >> 6 & 0x3f]! : PADDING;
    bytes[at++] = PADDING;
  }
  if (seen < 0) throw malformedValue("bytea");
  bytes[at++] = QUOTE;
  out.length = at;
}

/** The byte that the two hex digits at `src[at]` encode; negative if one of them is not a hex digit. */
function hexByte(src: Uint8Array, at: number): number {
  return HEX[src[at]!]! << 4 | HEX[src[at + 1]!]!;
}
