// Writes numbers as ASCII digits.

import { utf8 } from "../../../core/utf8.ts";
import type { ByteWriter } from "../byte_writer.ts";

const HEX = utf8("0123456789ABCDEF");
const DIGITS_MAX = 17;

/** Appends an integer from 0 to 2^53 - 1 in decimal. */
export function writeDecimal(out: ByteWriter, value: number): void {
  out.ensure(DIGITS_MAX);
  const bytes = out.bytes;
  let length = 1;
  for (let bound = 10; value >= bound; bound *= 10) length++;
  let at = out.length + length;
  out.length = at;
  let small = value;
  // An LSN takes one floating-point division, and not one for each digit beyond the 32 bits of an integer.
  if (value > 0x7fffffff) {
    const high = Math.floor(value / 1e9);
    writeDigits(bytes, at, 9, value - high * 1e9);
    at -= 9;
    length -= 9;
    small = high;
  }
  writeDigits(bytes, at, length, small);
}

/** Writes `count` digits of a number below 2^31, the last one before `at`. */
function writeDigits(bytes: Uint8Array, at: number, count: number, value: number): void {
  let rest = value | 0;
  for (const begin = at - count; at > begin;) {
    const next = (rest / 10) | 0;
    bytes[--at] = 0x30 + rest - next * 10;
    rest = next;
  }
}

/** Appends an LSN, given as two unsigned halves, as PostgreSQL prints it: `0/1634FA0`. */
export function writeLsn(out: ByteWriter, high: number, low: number): void {
  out.ensure(DIGITS_MAX);
  writeHex(out, high);
  out.bytes[out.length++] = 0x2f;
  writeHex(out, low);
}

function writeHex(out: ByteWriter, value: number): void {
  let shift = value === 0 ? 0 : (31 - Math.clz32(value)) & ~3;
  for (; shift >= 0; shift -= 4) out.bytes[out.length++] = HEX[(value >>> shift) & 15]!;
}
