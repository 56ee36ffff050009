// A record as a format leaves it, on its way into a Kafka batch.

/** A Kafka record header. */
export interface RecordHeader {
  readonly name: Uint8Array;
  /** Null for a header without a value. */
  readonly value: Uint8Array | null;
}

/**
 * One record, in a buffer that is reused for the next: the key at `[0, keyEnd)` and the value at `[keyEnd, valueEnd)`
 * of `bytes`.
 */
export interface EncodedRecord {
  readonly bytes: Uint8Array;
  /** End of the key; -1 for a null key, and then the value starts at 0. */
  readonly keyEnd: number;
  /** End of the value; -1 for a null value (a tombstone). */
  readonly valueEnd: number;
  readonly headers: readonly RecordHeader[];
}

/** For records without headers: one array for all, so that the hot path makes none. */
export const NO_HEADERS: readonly RecordHeader[] = [];

/** The tombstone that follows the record: its key and headers, with a null value. */
export function tombstoneOf({ bytes, keyEnd, headers }: EncodedRecord): EncodedRecord {
  return { bytes, keyEnd, valueEnd: -1, headers };
}
