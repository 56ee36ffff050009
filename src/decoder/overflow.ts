// The port to storage outside of memory, for descriptions of tables that don't fit in memory.

/**
 * Stores bytes at positions, as in a file. It is synchronous, because it is used, rarely, while decoding a
 * row.
 */
export interface Overflow {
  /** Discards everything. */
  clear(): void;
  /** Writes all bytes. @throws CaptureError `checkpoint-unavailable` */
  write(bytes: Uint8Array, at: number): void;
  /** Reads the bytes written there. @throws CaptureError `checkpoint-unavailable` */
  read(length: number, at: number): Uint8Array;
}
