// The type of the functions that write values as JSON.

import type { ByteWriter } from "../byte_writer.ts";

/**
 * Appends the JSON form of the text value `src[start, end)` to `out`. The value is UTF-8, as PostgreSQL
 * prints it under the settings that the source pins (DateStyle ISO, IntervalStyle iso_8601, TimeZone UTC,
 * extra_float_digits 3, bytea_output hex).
 *
 * @throws CaptureError `decoding` if the value does not have that form; `out` may then contain part of it
 */
export type ValueWriter = (src: Uint8Array, start: number, end: number, out: ByteWriter) => void;
