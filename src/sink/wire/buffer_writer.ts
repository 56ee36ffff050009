// Writes Kafka's protocol types to a buffer that is reused for all requests of a connection.

import { assert } from "../../core/assert.ts";

const INITIAL_BYTES = 4 * 1024;
const KEEP_BYTES_MAX = 64 * 1024;
/** Foreign bytes up to this size are copied, which is cheaper than a separate system call. */
const COPY_BYTES_MAX = 16 * 1024;

/**
 * A request's bytes. Record batches are large, so they are not copied: `chunks` returns them between the
 * written parts, in order.
 *
 * Types are those of https://kafka.apache.org/protocol#protocol_types, big-endian.
 */
export class BufferWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #foreignBytes = 0;
  #foreign: { readonly at: number; readonly chunk: Uint8Array }[] = [];
  readonly #encoder = new TextEncoder();

  /** Size of everything written, foreign bytes included. */
  get length(): number {
    return this.#length + this.#foreignBytes;
  }

  int8(value: number): void {
    this.#ensure(1);
    this.#view.setInt8(this.#length, value);
    this.#length += 1;
  }

  int16(value: number): void {
    this.#ensure(2);
    this.#view.setInt16(this.#length, value);
    this.#length += 2;
  }

  int32(value: number): void {
    this.#ensure(4);
    this.#view.setInt32(this.#length, value);
    this.#length += 4;
  }

  int64(value: bigint): void {
    this.#ensure(8);
    this.#view.setBigInt64(this.#length, value);
    this.#length += 8;
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  /** UNSIGNED_VARINT: seven bits a byte, the lowest first. */
  unsignedVarint(value: number): void {
    this.#ensure(5);
    let rest = value >>> 0;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** STRING or NULLABLE_STRING: an INT16 length, -1 for null. */
  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const bytes = this.#encoder.encode(value);
    assert(bytes.length <= 0x7fff, "a protocol string is at most 32767 bytes");
    this.int16(bytes.length);
    this.#copy(bytes);
  }

  /** COMPACT_STRING or COMPACT_NULLABLE_STRING: the length plus one as UNSIGNED_VARINT, 0 for null. */
  compactString(value: string | null): void {
    if (value === null) return this.unsignedVarint(0);
    const bytes = this.#encoder.encode(value);
    this.unsignedVarint(bytes.length + 1);
    this.#copy(bytes);
  }

  /** COMPACT_BYTES: the length plus one as UNSIGNED_VARINT. */
  compactBytes(bytes: Uint8Array): void {
    this.unsignedVarint(bytes.length + 1);
    this.#copy(bytes);
  }

  /** The length of an ARRAY. */
  arrayLength(length: number): void {
    this.int32(length);
  }

  /** The length of a COMPACT_ARRAY. */
  compactArrayLength(length: number): void {
    this.unsignedVarint(length + 1);
  }

  /** The end of a structure of a flexible version: no tagged fields. */
  noTags(): void {
    this.int8(0);
  }

  /** COMPACT_RECORDS. `records` must stay as they are until the request is sent. */
  compactRecords(records: Uint8Array): void {
    this.unsignedVarint(records.length + 1);
    if (records.length <= COPY_BYTES_MAX) return this.#copy(records);
    this.#foreign.push({ at: this.#length, chunk: records });
    this.#foreignBytes += records.length;
  }

  /** Overwrites an INT32: the frame's length, which is known only at its end. */
  setInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** The written bytes and the foreign ones in order; valid until `reset`. */
  chunks(): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    let from = 0;
    for (const { at, chunk } of this.#foreign) {
      if (at > from) chunks.push(this.#bytes.subarray(from, at));
      chunks.push(chunk);
      from = at;
    }
    if (this.#length > from) chunks.push(this.#bytes.subarray(from, this.#length));
    return chunks;
  }

  /** Clears the buffer, and replaces it if a large request has made it large. */
  reset(): void {
    this.#length = 0;
    this.#foreignBytes = 0;
    this.#foreign = [];
    if (this.#bytes.length > KEEP_BYTES_MAX) this.#replace(new Uint8Array(INITIAL_BYTES));
  }

  #copy(bytes: Uint8Array): void {
    this.#ensure(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #ensure(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
