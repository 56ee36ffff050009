// Scalars that are neither strings nor numbers nor dates: boolean, json, and the one-byte "char".

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { copyBytes } from "./copy.ts";
import { writeJsonString } from "./json_string.ts";
import { malformedValue } from "./malformed_value.ts";

const LETTER_F = 0x66;
const LETTER_T = 0x74;
const TRUE = utf8("true");
const FALSE = utf8("false");

/** Writes `t` and `f` as `true` and `false`. */
export function writeBoolean(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const byte = end - start === 1 ? src[start] : undefined;
  if (byte === LETTER_T) out.append(TRUE);
  else if (byte === LETTER_F) out.append(FALSE);
  else throw malformedValue("boolean");
}

/**
 * Copies json and jsonb byte for byte. PostgreSQL accepts and prints only valid JSON (json_in, jsonb_out),
 * and a parser would lose digits, the order of keys, and duplicate keys.
 */
export function writeJson(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  if (start === end) throw malformedValue("json");
  copyBytes(src, start, end, out);
}

/**
 * "char", a single byte. PostgreSQL 15 and later (charout) print a byte above 0x7f as `\ooo`; earlier
 * versions print the byte itself, which is not valid UTF-8. Both are written as `\ooo`.
 */
export function writeChar(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const byte = end - start === 1 ? src[start]! : 0;
  if (byte < 0x80) writeJsonString(src, start, end, out);
  else out.append(utf8(`"\\\\${byte.toString(8)}"`));
}
