// A Kafka record as a format encodes it, before it is copied into a batch.

/** A Kafka record header. */
export interface RecordHeader {
  readonly name: Uint8Array;
  /** Null for a header without a value. */
  readonly value: Uint8Array | null;
}

/**
 * One record. The key is `bytes[0, keyEnd)` and the value `bytes[keyEnd, valueEnd)`. The buffer is reused for
 * the next record.
 */
export interface EncodedRecord {
  readonly bytes: Uint8Array;
  /** End of the key; -1 for a null key, with which the value starts at 0. */
  readonly keyEnd: number;
  /** End of the value; -1 for a null value (a tombstone). */
  readonly valueEnd: number;
  readonly headers: readonly RecordHeader[];
}

/** For records without headers. One array for all, so that the hot path creates none. */
export const NO_HEADERS: readonly RecordHeader[] = [];

/** The tombstone that follows the record: the same key and headers with a null value. */
export function tombstoneOf({ bytes, keyEnd, headers }: EncodedRecord): EncodedRecord {
  return { bytes, keyEnd, valueEnd: -1, headers };
}
