// The port of a format: how changes appear in Kafka. docs/EXTENDING.md tells how to add one.

import type { EncodedRecord } from "../../core/encoded_record.ts";
import type { PgType } from "../../core/pg_type.ts";
import type { Change, Operation, RecordPlace, Transaction } from "../change.ts";
import type { LogicalMessage } from "../pgoutput/messages.ts";
import type { Table } from "../table.ts";

/**
 * Encodes the changes of one table. It is compiled on use, and again after it was dropped to save memory.
 */
export interface TableEncoder {
  /**
   * Encodes the change into the format's `record`. It is called for each row, so it must not create objects,
   * strings or promises.
   *
   * @returns whether a tombstone (the same key with a null value) must follow, if tombstones are configured
   * @throws CompositeMismatch if a value does not fit its composite type
   * @throws CaptureError `decoding` if a value does not have the form that PostgreSQL prints
   */
  encode(change: Change): boolean;
}

/** The details about the replaced record that a pointer contains. */
export interface DeadLetter {
  /** Size of the record, in bytes. */
  readonly bytes: number;
  /** Why it can't be sent: the kind of the error that would otherwise have ended the program. */
  readonly reason: "record-too-large" | "topic-conflict";
}

/** A record that can't be sent. */
export interface UnsendableRecord extends RecordPlace, DeadLetter {
  /** Null for a logical message. */
  readonly table: Table | null;
  readonly operation: Operation;
  readonly isKeyChange: boolean;
}

/** A format. It is pure: it takes bytes and the time, and returns bytes. */
export interface RecordFormat {
  /** The last record encoded. Its buffers are reused for the next one. */
  readonly record: EncodedRecord;
  /** Sets the timestamp of the following records, in milliseconds since 1970. */
  setNow(nowMs: number): void;
  /** Sets the transaction of the records that follow. */
  beginTransaction(transaction: Transaction): void;
  /**
   * Compiles the encoder of a table.
   * @param types of each column, in the table's order
   * @param mayBeOlder whether rows may have been written before the last ALTER TYPE of their composite types
   */
  table(table: Table, types: readonly PgType[], mayBeOlder: boolean): TableEncoder;
  /**
   * Encodes a logical message.
   * @param bytes the message, in which `contentStart` and `contentEnd` are positions
   */
  encodeMessage(message: LogicalMessage, bytes: Uint8Array, place: RecordPlace): void;
  /**
   * Replaces the last record encoded with a pointer to it: the same key, and a value that describes it.
   */
  encodePointer(unsendable: UnsendableRecord): void;
}
