// A record batch of one partition, built record by record as Kafka stores it: the hot path of the sink.

import type { EncodedRecord, RecordHeader } from "../core/encoded_record.ts";
import type { ArenaPool } from "./arena_pool.ts";
import { assert } from "../core/assert.ts";
import type { Compressor } from "./compression.ts";
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from "./varint.ts";
import { crc32c } from "./wasm_codecs.ts";

/** Size of a record batch's header. */
export const BATCH_HEADER_BYTES = 61;
/** The most that a record takes in addition to its key, value and headers. */
const RECORD_OVERHEAD_BYTES_MAX = 32;
/** From this size on, copying with `set` is faster than a loop, although it creates a view (measured). */
const SET_BYTES_MIN = 48;
const EMPTY = new Uint8Array();

/** The producer of a batch, and the sequence number of its first record. */
export interface ProducerStamp {
  /** -1 for a producer without sequences. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
}

/**
 * Records of one partition in the layout of https://kafka.apache.org/documentation/#recordbatch, version 2.
 * The buffer comes from a pool and returns to it with `clear`. It has room for the header in front, so that a
 * finished batch is sent without a copy.
 */
export class RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly #pool: ArenaPool;
  #bytes: Uint8Array = EMPTY;
  #length = BATCH_HEADER_BYTES;
  #count = 0;
  #baseTimestampMs = 0;
  #maxTimestampMs = 0;
  /** Size of the buffer that the last filling needed. */
  #usualBytes = 0;

  constructor(topic: string, partition: number, pool: ArenaPool) {
    this.topic = topic;
    this.partition = partition;
    this.#pool = pool;
  }

  /** Number of records. */
  get count(): number {
    return this.#count;
  }

  /** Size with the header, uncompressed. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy of the record. @param timestampMs whole milliseconds since 1970 */
  append(record: EncodedRecord, timestampMs: number): void {
    if (this.#count === 0) this.#begin(timestampMs);
    else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    const { bytes: source, keyEnd, valueEnd, headers } = record;
    const valueStart = keyEnd < 0 ? 0 : keyEnd;
    const valueLength = valueEnd < 0 ? -1 : valueEnd - valueStart;
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const isNear = timestampDelta === (timestampDelta | 0);
    const bodyLength = 1 + headersLength(headers) +
      (isNear ? varintBytes(timestampDelta) : varlongBytes(timestampDelta)) +
      varintBytes(this.#count) + varintBytes(keyEnd) + valueStart + varintBytes(valueLength) +
      (valueLength < 0 ? 0 : valueLength);
    const end = this.#length + varintBytes(bodyLength) + bodyLength;
    if (end > this.#bytes.length) this.#grow(end);

    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#length, bodyLength);
    bytes[at++] = 0; // attributes
    at = isNear ? writeVarint(bytes, at, timestampDelta) : writeVarlong(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, this.#count);
    at = writeVarint(bytes, at, keyEnd);
    at = copy(source, 0, valueStart, bytes, at);
    at = writeVarint(bytes, at, valueLength);
    if (valueLength > 0) at = copy(source, valueStart, valueEnd, bytes, at);
    this.#length = headers.length === 0 ? writeVarint(bytes, at, 0) : writeHeaders(headers, bytes, at);
    this.#count++;
  }

  /**
   * Writes the header, and compresses the records if that makes them smaller. After that the batch can
   * only be cleared.
   * @returns the whole batch, as a view that is valid until `clear`
   */
  finish(stamp: ProducerStamp, compressor: Compressor | null): Uint8Array {
    assert(this.#count > 0, "an empty record batch is not sent");
    const bytes = this.#bytes;
    let end = this.#length;
    let codec = 0;
    if (compressor !== null) {
      const compressed = compressor.compress(bytes.subarray(BATCH_HEADER_BYTES, end));
      if (compressed.length < end - BATCH_HEADER_BYTES) {
        bytes.set(compressed, BATCH_HEADER_BYTES);
        end = BATCH_HEADER_BYTES + compressed.length;
        codec = compressor.id;
      }
    }
    const header = new DataView(bytes.buffer, bytes.byteOffset, BATCH_HEADER_BYTES);
    header.setBigInt64(0, 0n); // base offset: the broker's
    header.setInt32(8, end - 12); // length of what follows
    header.setInt32(12, -1); // partition leader epoch: the broker's
    header.setInt8(16, 2); // magic
    header.setInt16(21, codec | (stamp.isTransactional ? 0x10 : 0));
    header.setInt32(23, this.#count - 1);
    header.setBigInt64(27, BigInt(this.#baseTimestampMs));
    header.setBigInt64(35, BigInt(this.#maxTimestampMs));
    header.setBigInt64(43, stamp.producerId);
    header.setInt16(51, stamp.producerEpoch);
    header.setInt32(53, stamp.baseSequence);
    header.setInt32(57, this.#count);
    header.setUint32(17, crc32c(bytes.subarray(21, end))); // from the attributes to the end
    return bytes.subarray(0, end);
  }

  /** Empties the batch and releases its buffer. */
  clear(): void {
    this.#usualBytes = this.#bytes.length;
    if (this.#bytes.length > 0) this.#pool.release(this.#bytes);
    this.#bytes = EMPTY;
    this.#length = BATCH_HEADER_BYTES;
    this.#count = 0;
  }

  #begin(timestampMs: number): void {
    this.#baseTimestampMs = timestampMs;
    this.#maxTimestampMs = timestampMs;
    // It will probably need as much as last time, and growing means copying, so take such a buffer if one is
    // free.
    this.#bytes = (this.#usualBytes > 0 ? this.#pool.acquireKept(this.#usualBytes) : undefined) ?? EMPTY;
  }

  #grow(bytesMin: number): void {
    const grown = this.#pool.acquire(bytesMin);
    grown.set(this.#bytes.subarray(0, this.#length));
    if (this.#bytes.length > 0) this.#pool.release(this.#bytes);
    this.#bytes = grown;
  }
}

/** The most that the record takes in a batch. */
export function recordLengthMax(record: EncodedRecord): number {
  return payloadBytes(record) + headersLength(record.headers) + RECORD_OVERHEAD_BYTES_MAX;
}

/** Length of a record batch that holds only this record. */
export function lengthAlone(record: EncodedRecord): number {
  const keyBytes = Math.max(record.keyEnd, 0);
  const valueLength = record.valueEnd < 0 ? -1 : record.valueEnd - keyBytes;
  const bodyLength = 3 + headersLength(record.headers) + varintBytes(record.keyEnd) +
    varintBytes(valueLength) + payloadBytes(record);
  return BATCH_HEADER_BYTES + varintBytes(bodyLength) + bodyLength;
}

function payloadBytes(record: EncodedRecord): number {
  return record.valueEnd < 0 ? Math.max(record.keyEnd, 0) : record.valueEnd;
}

/** With the number of headers in front. */
function headersLength(headers: readonly RecordHeader[]): number {
  let length = varintBytes(headers.length);
  for (const { name, value } of headers) {
    length += varintBytes(name.length) + name.length + varintBytes(value === null ? -1 : value.length) +
      (value?.length ?? 0);
  }
  return length;
}

function writeHeaders(headers: readonly RecordHeader[], bytes: Uint8Array, start: number): number {
  let at = writeVarint(bytes, start, headers.length);
  for (const { name, value } of headers) {
    at = writeVarint(bytes, at, name.length);
    at = copy(name, 0, name.length, bytes, at);
    at = writeVarint(bytes, at, value === null ? -1 : value.length);
    if (value !== null) at = copy(value, 0, value.length, bytes, at);
  }
  return at;
}

function copy(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  if (end - start >= SET_BYTES_MIN) {
    target.set(source.subarray(start, end), at);
    return at + end - start;
  }
  for (let from = start; from < end; from++) target[at++] = source[from]!;
  return at;
}
