// Row keys as bytes, both of rows read and of changes in the stream.

import type { RowChange } from "../../decoder/pgoutput/messages.ts";
import { NULL_COLUMN, type TupleColumns, UNCHANGED_COLUMN } from "../../decoder/pgoutput/tuple.ts";
import type { RowBlock } from "../snapshot_ports.ts";

/** The values of a key, each preceded by its length, in a reused buffer. */
export class KeyBytes {
  bytes = new Uint8Array(256);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const needed = this.length + 4 + size;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(2 * needed);
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    const bytes = this.bytes;
    let at = this.length;
    bytes[at++] = size >>> 24;
    bytes[at++] = size >>> 16;
    bytes[at++] = size >>> 8;
    bytes[at++] = size;
    for (let from = start; from < end; from++) bytes[at++] = source[from]!;
    this.length = at;
  }

  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

/**
 * Sets `key` to the key of one row of a change.
 * @param fill supplies the columns that did not change; null if there is no old row
 * @param positions the positions of the key's columns in the row
 * @returns false if the row lacks a value of the key
 */
export function keyOfChange(
  bytes: Uint8Array,
  row: TupleColumns,
  fill: TupleColumns | null,
  positions: readonly number[],
  key: KeyBytes,
): boolean {
  key.clear();
  for (const position of positions) {
    let from = row;
    if (row.starts[position] === UNCHANGED_COLUMN && fill !== null) from = fill;
    const start = from.starts[position]!;
    if (start < 0) return false;
    key.append(bytes, start, from.ends[position]!);
  }
  return true;
}

/** Whether an UPDATE omitted an unchanged value, which only a reader that has the old row can know. */
export function leavesOut({ operation, old, newColumns }: RowChange): boolean {
  if (operation !== "UPDATE" || old === "full") return false;
  for (let column = 0; column < newColumns.count; column++) {
    if (newColumns.starts[column] === UNCHANGED_COLUMN) return true;
  }
  return false;
}

/** The values of a key as text. */
export function keyTexts(bytes: Uint8Array, length: number): string[] {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const values: string[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < length;) {
    const size = view.getUint32(at);
    values.push(decoder.decode(bytes.subarray(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  return values;
}

/** Reads the columns of one row of a block. */
export function readRow({ bytes, starts }: RowBlock, row: number, columns: TupleColumns): void {
  let at = starts[row]!;
  const count = (bytes[at]! << 8) | bytes[at + 1]!;
  at += 2;
  if (count > columns.starts.length) {
    columns.starts = new Int32Array(count);
    columns.ends = new Int32Array(count);
  }
  columns.count = count;
  for (let column = 0; column < count; column++) {
    const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    at += 4;
    if (length >= 0) {
      columns.starts[column] = at;
      at = columns.ends[column] = at + length;
    } else {
      columns.starts[column] = length === -1 ? NULL_COLUMN : UNCHANGED_COLUMN;
    }
  }
}
