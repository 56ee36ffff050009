// Builds the records of pg-capture's own topics from a key and a value.

import { type EncodedRecord, NO_HEADERS } from "../core/encoded_record.ts";

/** @param value null for a tombstone */
export function ownRecord(key: Uint8Array, value: Uint8Array | null): EncodedRecord {
  if (value === null) return { bytes: key, keyEnd: key.length, valueEnd: -1, headers: NO_HEADERS };
  const bytes = new Uint8Array(key.length + value.length);
  bytes.set(key);
  bytes.set(value, key.length);
  return { bytes, keyEnd: key.length, valueEnd: bytes.length, headers: NO_HEADERS };
}
