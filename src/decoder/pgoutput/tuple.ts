// Reads TupleData: the positions of a row's columns in the message.

import { malformedMessage } from "./malformed_message.ts";

/** Replaces a column's start if the value is null. */
export const NULL_COLUMN = -1;
/** Replaces a column's start for an unchanged TOASTed value, which PostgreSQL did not send. */
export const UNCHANGED_COLUMN = -2;

const INITIAL_COLUMNS = 64;
const KIND_NULL = 0x6e;
const KIND_UNCHANGED = 0x75;
const KIND_TEXT = 0x74;

/** The column positions of one row. The arrays are reused for the next. */
export class TupleColumns {
  count = 0;
  /** Where the text of each column begins, or NULL_COLUMN, or UNCHANGED_COLUMN. */
  starts: Int32Array = new Int32Array(INITIAL_COLUMNS);
  ends: Int32Array = new Int32Array(INITIAL_COLUMNS);

  /**
   * Reads the TupleData at `bytes[at]` (PostgreSQL manual, "Logical Replication Message Formats").
   * @param end of the message
   * @param tag, origin type byte and start of the message, for errors
   * @returns the index after it
   * @throws CaptureError `decoding`
   */
  read(bytes: Uint8Array, at: number, end: number, tag: number, origin: number): number {
    if (at + 2 > end) throw malformedMessage(tag, at - origin, "the row is cut off");
    const count = (bytes[at]! << 8) | bytes[at + 1]!;
    at += 2;
    if (count > this.starts.length) {
      this.starts = new Int32Array(count);
      this.ends = new Int32Array(count);
    }
    this.count = count;
    const starts = this.starts;
    const ends = this.ends;
    for (let column = 0; column < count; column++) {
      if (at >= end) throw malformedMessage(tag, at - origin, `column ${column} of ${count} is missing`);
      switch (bytes[at++]) {
        case KIND_TEXT: {
          const start = at + 4;
          if (start > end) throw malformedMessage(tag, at - origin, `column ${column} is cut off`);
          const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
          if (length < 0 || length > end - start) {
            throw malformedMessage(tag, at - origin, `column ${column} has a length of ${length}`);
          }
          starts[column] = start;
          at = ends[column] = start + length;
          break;
        }
        case KIND_NULL:
          starts[column] = NULL_COLUMN;
          break;
        case KIND_UNCHANGED:
          starts[column] = UNCHANGED_COLUMN;
          break;
        default:
          throw malformedMessage(tag, at - 1 - origin, `column ${column} is of kind ${bytes[at - 1]}`);
      }
    }
    return at;
  }
}
