// The port of a format: how changes look in Kafka. docs/EXTENDING.md says how to add one.

import type { EncodedRecord } from "../../core/encoded_record.ts";
import type { PgType } from "../../core/pg_type.ts";
import type { Change, Operation, RecordPlace, Transaction } from "../change.ts";
import type { LogicalMessage } from "../pgoutput/messages.ts";
import type { Table } from "../table.ts";

/** Encodes the changes of one table; compiled once for each description of it. */
export interface TableEncoder {
  /**
   * Encodes the change into the format's `record`. Called for each row: it makes no object, string or promise.
   * @throws CompositeMismatch when a value does not fit its composite type; CaptureError `decoding` when a value is
   *   not of the form that PostgreSQL prints
   */
  encode(change: Change): void;
}

/** What a pointer says of the change that it stands for. */
export interface DeadLetter {
  /** The size of its record. */
  readonly bytes: number;
  /** Why it can't be sent: the kind of the error that would have ended the program. */
  readonly reason: "record-too-large" | "topic-conflict";
}

/** What a record was that can't be sent. */
export interface UnsendableRecord extends RecordPlace, DeadLetter {
  /** Null for a logical message. */
  readonly table: Table | null;
  readonly operation: Operation;
  readonly isKeyChange: boolean;
}

/** One implementation a format. Pure: it takes bytes and the time, and gives bytes. */
export interface RecordFormat {
  /** The record that was encoded last, in buffers that are reused. */
  readonly record: EncodedRecord;
  /** The time that records are stamped with from now on, in milliseconds since 1970. */
  setNow(nowMs: number): void;
  /** The transaction that records belong to from now on. */
  beginTransaction(transaction: Transaction): void;
  /**
   * @param types of each column, in the table's order
   * @param mayBeOlder whether rows may be older than the attributes that a composite type was given last
   */
  table(table: Table, types: readonly PgType[], mayBeOlder: boolean): TableEncoder;
  /** Encodes a logical message. @param bytes what the content's borders are positions in */
  encodeMessage(message: LogicalMessage, bytes: Uint8Array, place: RecordPlace): void;
  /** Replaces the current record by a pointer to it: the same key, and a value that says whose it was, how large, and why. */
  encodePointer(unsendable: UnsendableRecord): void;
}
