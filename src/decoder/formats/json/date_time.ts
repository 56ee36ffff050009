// Dates, times and intervals as ISO 8601, from what PostgreSQL prints with DateStyle ISO, IntervalStyle
// iso_8601 and TimeZone UTC: see EncodeDateOnly, EncodeTimeOnly, EncodeDateTime and EncodeInterval in its
// src/backend/utils/adt/datetime.c.

import type { ByteWriter } from "../byte_writer.ts";
import { utf8 } from "../../../core/utf8.ts";
import { COLON, DOT, isDigit, isWord, MINUS, PLUS, QUOTE, ZERO } from "./ascii.ts";
import { copyQuoted } from "./copy.ts";
import { malformedValue } from "./malformed_value.ts";
import { scanNumber } from "./number.ts";

const SPACE = 0x20;
const LETTER_P = 0x50;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;
const BC = utf8(" BC");
const UTC = utf8("+00");
const INFINITY = utf8("infinity");
const NEGATIVE_INFINITY = utf8("-infinity");

/** Years have four to seven digits. The last year of `date` is 5874897. */
const YEAR_DIGITS_MIN = 4;
const YEAR_DIGITS_MAX = 7;
const TIME_BYTES = 8;
const FRACTION_DIGITS_MAX = 6;

/** Writes `2023-10-15 10:30:00.5+00` as `2023-10-15T10:30:00.5Z`, infinities and years BC as printed. */
export function writeTimestamptz(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const time = scanDateTime(src, start, end);
  if (time !== -1 && isWord(src, time, end, UTC)) {
    const length = out.length;
    copyQuoted(src, start, time + 1, out);
    separateWithT(src, start, out, length);
    out.bytes[out.length - 2] = LETTER_Z;
  } else if (time !== -1 && isWord(src, time, time + 3, UTC) && isWord(src, time + 3, end, BC)) {
    copyQuoted(src, start, end, out);
  } else {
    writeInfinity("timestamptz", src, start, end, out);
  }
}

/** Writes `2023-10-15 10:30:00.5` as `2023-10-15T10:30:00.5`, infinities and years BC as printed. */
export function writeTimestamp(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const time = scanDateTime(src, start, end);
  if (time === end) {
    const length = out.length;
    copyQuoted(src, start, end, out);
    separateWithT(src, start, out, length);
  } else if (time !== -1 && isWord(src, time, end, BC)) {
    copyQuoted(src, start, end, out);
  } else {
    writeInfinity("timestamp", src, start, end, out);
  }
}

/** Writes the date as printed: `2023-10-15`, `0044-03-15 BC`, `infinity`. */
export function writeDate(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const date = scanDate(src, start, end);
  if (date !== -1 && (date === end || isWord(src, date, end, BC))) copyQuoted(src, start, end, out);
  else writeInfinity("date", src, start, end, out);
}

/** Writes the time as printed: `10:30:00.5`, `24:00:00`. */
export function writeTime(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  if (scanTime(src, start, end) !== end) throw malformedValue("time");
  copyQuoted(src, start, end, out);
}

/** Writes `10:30:00+02` as `10:30:00+02:00`, `+00` as `Z`, and offsets with minutes or seconds as printed. */
export function writeTimetz(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const zone = scanTime(src, start, end);
  if (zone === -1 || !isZone(src, zone, end)) throw malformedValue("timetz");
  if (isWord(src, zone, end, UTC)) {
    copyQuoted(src, start, zone + 1, out);
    out.bytes[out.length - 2] = LETTER_Z;
    return;
  }
  copyQuoted(src, start, end, out);
  if (end - zone > UTC.length) return;
  out.ensure(3);
  const { bytes, length } = out;
  bytes[length - 1] = COLON;
  bytes[length] = ZERO;
  bytes[length + 1] = ZERO;
  bytes[length + 2] = QUOTE;
  out.length = length + 3;
}

/** Writes the ISO 8601 duration as printed: `P1Y2M3DT4H5M6.5S`, or with PostgreSQL's signs, `P-1DT2H`. */
export function writeInterval(src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  if (isDuration(src, start, end)) copyQuoted(src, start, end, out);
  else writeInfinity("interval", src, start, end, out);
}

/** @returns the index after `2023-10-15 10:30:00.5`, or -1 */
function scanDateTime(src: Uint8Array, start: number, end: number): number {
  const date = scanDate(src, start, end);
  return date === -1 || date === end || src[date] !== SPACE ? -1 : scanTime(src, date + 1, end);
}

function scanDate(src: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && isDigit(src[i])) i++;
  const yearDigits = i - start;
  const known = yearDigits >= YEAR_DIGITS_MIN && yearDigits <= YEAR_DIGITS_MAX && i + 6 <= end &&
    src[i] === MINUS && isDigit(src[i + 1]) && isDigit(src[i + 2]) &&
    src[i + 3] === MINUS && isDigit(src[i + 4]) && isDigit(src[i + 5]);
  return known ? i + 6 : -1;
}

function scanTime(src: Uint8Array, start: number, end: number): number {
  const known = start + TIME_BYTES <= end && isDigit(src[start]) && isDigit(src[start + 1]) &&
    src[start + 2] === COLON && isDigit(src[start + 3]) && isDigit(src[start + 4]) &&
    src[start + 5] === COLON && isDigit(src[start + 6]) && isDigit(src[start + 7]);
  if (!known) return -1;
  const dot = start + TIME_BYTES;
  if (dot === end || src[dot] !== DOT) return dot;
  let i = dot + 1;
  while (i < end && isDigit(src[i])) i++;
  const digits = i - dot - 1;
  return digits >= 1 && digits <= FRACTION_DIGITS_MAX ? i : -1;
}

/** Whether `src[start, end)` is `+02`, `-05:30` or `+05:30:15`. */
function isZone(src: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if ((length !== 3 && length !== 6 && length !== 9) || (src[start] !== PLUS && src[start] !== MINUS)) {
    return false;
  }
  for (let i = start + 1; i < end; i += 3) {
    if (i > start + 1 && src[i - 1] !== COLON) return false;
    if (!isDigit(src[i]) || !isDigit(src[i + 1])) return false;
  }
  return true;
}

/** Whether this is a `P` and one or more numbers with units, with at most one `T` between them. */
function isDuration(src: Uint8Array, start: number, end: number): boolean {
  if (end - start < 3 || src[start] !== LETTER_P) return false;
  let inTime = false;
  let i = start + 1;
  while (i < end) {
    if (src[i] === LETTER_T && !inTime) {
      inTime = true;
      i++;
    }
    i = scanNumber(src, i, end);
    if (i === -1 || i === end || !isDurationUnit(src[i++]!, inTime)) return false;
  }
  return true;
}

function isDurationUnit(byte: number, inTime: boolean): boolean {
  // H, M, S after the T; Y, M, W, D before it.
  if (inTime) return byte === 0x48 || byte === 0x4d || byte === 0x53;
  return byte === 0x59 || byte === 0x4d || byte === 0x57 || byte === 0x44;
}

/**
 * Replaces the space after the date by a `T`, in the value that was copied with quotes to
 * `out.bytes[length]`.
 */
function separateWithT(src: Uint8Array, start: number, out: ByteWriter, length: number): void {
  let i = start + 10;
  while (src[i] !== SPACE) i++;
  out.bytes[length + 1 + i - start] = LETTER_T;
}

function writeInfinity(typeName: string, src: Uint8Array, start: number, end: number, out: ByteWriter): void {
  const known = isWord(src, start, end, INFINITY) || isWord(src, start, end, NEGATIVE_INFINITY);
  if (!known) throw malformedValue(typeName);
  copyQuoted(src, start, end, out);
}
