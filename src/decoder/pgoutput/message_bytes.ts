// Where one message of the stream is.

/** Where a message lies in the stream's buffer; a ReplicationStream is one. */
export interface MessageBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly walStartHigh: number;
  readonly walStartLow: number;
}
