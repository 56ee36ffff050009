// The position of one message in the buffer of the stream.

/**
 * The message `bytes[start, end)`, and the WAL start of its XLogData header as two unsigned halves. A
 * ReplicationStream is the MessageBytes of its current message.
 */
export interface MessageBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly walStartHigh: number;
  readonly walStartLow: number;
}
