// The scalars that are neither strings, numbers nor dates: boolean, json, and the one-byte "char".

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { copyBytes } from "./copy.ts";
import { writeJsonString } from "./json_string.ts";
import { malformedValue } from "./malformed_value.ts";

const LETTER_F = 0x66;
const LETTER_T = 0x74;
const TRUE = utf8("true");
const FALSE = utf8("false");

/** `t` and `f`. */
export function writeBoolean(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const byte = end - start === 1 ? src[start] : undefined;
  if (byte === LETTER_T) out.append(TRUE);
  else if (byte === LETTER_F) out.append(FALSE);
  else throw malformedValue("boolean");
}

/**
 * json and jsonb, byte for byte. PostgreSQL takes and prints only valid JSON (json_in, jsonb_out), so it is not
 * parsed: a parser would lose digits, order and double keys.
 */
export function writeJson(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  if (start === end) throw malformedValue("json");
  copyBytes(src, start, end, out);
}

/**
 * "char", a single byte. From PostgreSQL 15 on, charout prints one above 0x7f as `\ooo`; before, as the byte
 * itself, which is no UTF-8. Both become the former.
 */
export function writeChar(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const byte = end - start === 1 ? src[start]! : 0;
  if (byte < 0x80) writeJsonString(src, start, end, out);
  else out.append(utf8(`"\\\\${byte.toString(8)}"`));
}
