// The port to room outside of memory, for descriptions of tables that memory has no room for.

/** Bytes at positions, as in a file. Synchronous: it is used in the middle of decoding a row, and rarely. */
export interface Overflow {
  /** Discards everything. */
  clear(): void;
  /** Writes all bytes. @throws CaptureError `checkpoint-unavailable` */
  write(bytes: Uint8Array, at: number): void;
  /** Reads what was written there. @throws CaptureError `checkpoint-unavailable` */
  read(length: number, at: number): Uint8Array;
}
