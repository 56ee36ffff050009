// Copies bytes unchanged: few of them in a loop, many with memmove.

import type { ByteWriter } from "../byte_writer.ts";
import { QUOTE } from "./ascii.ts";

/** Up to here a loop is faster than creating the view that `set` needs. */
const LOOP_BYTES_MAX = 64;

/** Appends `src[start, end)`. */
export function copyBytes(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const count = end - start;
  out.ensure(count);
  copyTo(src, start, count, out.bytes, out.length);
  out.length += count;
}

/** Appends `src[start, end)` between quotes. The text must not need escapes. */
export function copyQuoted(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const count = end - start;
  out.ensure(count + 2);
  const { bytes, length } = out;
  bytes[length] = QUOTE;
  copyTo(src, start, count, bytes, length + 1);
  bytes[length + count + 1] = QUOTE;
  out.length = length + count + 2;
}

function copyTo(src: Uint8Array, start: number, count: number, bytes: Uint8Array, at: number): void {
  if (count > LOOP_BYTES_MAX) bytes.set(src.subarray(start, start + count), at);
  else for (let i = 0; i < count; i++) bytes[at + i] = src[start + i]!;
}
