// Reads Kafka's protocol types from a response, and rejects whatever runs past its end.

import type { Advice } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";

/**
 * A cursor over `[start, end)` of a buffer. Every read is checked against the end: a malformed response
 * causes a CaptureError, never a wrong value, an endless loop or a huge allocation.
 *
 * Types are those of https://kafka.apache.org/protocol#protocol_types, big-endian.
 */
export class BufferReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
  }

  /** Bytes left to read. */
  get remaining(): number {
    return this.#end - this.#position;
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /** UNSIGNED_VARINT of at most 32 bits. */
  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw malformed("a variable-length integer does not end");
  }

  /** VARINT: zigzag, of at most 32 bits. */
  varint(): number {
    const value = this.unsignedVarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** VARLONG: zigzag, of at most 64 bits. */
  varlong(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw malformed("a variable-length integer does not end");
  }

  /** STRING. */
  string(): string {
    return this.nullableString() ?? fail("a string that must not be null is null");
  }

  /** NULLABLE_STRING. */
  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.#text(length);
  }

  /** COMPACT_STRING. */
  compactString(): string {
    return this.compactNullableString() ?? fail("a string that must not be null is null");
  }

  /** COMPACT_NULLABLE_STRING. */
  compactNullableString(): string | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.#text(length - 1);
  }

  /**
   * ARRAY; a null array is empty.
   * @param elementBytesMin the smallest size of an element, which limits the length before anything is
   * allocated
   */
  array<Element>(elementBytesMin: number, element: () => Element): Element[] {
    return this.#elements(this.int32(), elementBytesMin, element);
  }

  /** COMPACT_ARRAY; a null array is empty. */
  compactArray<Element>(elementBytesMin: number, element: () => Element): Element[] {
    return this.#elements(this.unsignedVarint() - 1, elementBytesMin, element);
  }

  /** A view of the next `length` bytes, valid as long as the buffer is. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Moves past `length` bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  /** Skips the tagged fields at the end of a structure of a flexible version. */
  tags(): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      this.unsignedVarint(); // tag
      this.#take(this.unsignedVarint());
    }
  }

  #elements<Element>(length: number, elementBytesMin: number, element: () => Element): Element[] {
    if (length * elementBytesMin > this.remaining) {
      throw malformed(`an array of ${length} elements passes its end`);
    }
    const elements: Element[] = [];
    for (let index = 0; index < length; index++) elements.push(element());
    return elements;
  }

  #text(length: number): string {
    return utf8.decode(this.bytes(length));
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) {
      throw malformed(`${length} bytes are expected and ${this.remaining} are left`);
    }
    const start = this.#position;
    this.#position += length;
    return start;
  }
}

/** The error for bytes from a broker that the protocol does not allow. */
export function malformed(found: string, hint?: Advice): CaptureError {
  const message = `Cannot read a response from Kafka: ${found}`;
  return new CaptureError("kafka-unavailable", message, hint === undefined ? {} : { hint });
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function fail(found: string): never {
  throw malformed(found);
}
