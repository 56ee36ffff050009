// The input of a format: one change, as positions in the bytes that PostgreSQL sent.

import { TupleColumns } from "./pgoutput/tuple.ts";
import type { KeyColumns } from "./table.ts";

/** The operation of a record. READ is for rows of a snapshot. */
export type Operation = "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "READ" | "MESSAGE";

/** The transaction of a change. */
export interface Transaction {
  readonly commitLsn: bigint;
  /** Microseconds since 1970, exact up to the year 2255. */
  readonly commitTimeUs: number;
  /** 0 for a non-transactional logical message, and for the rows of a snapshot. */
  readonly xid: number;
  /** The id of the snapshot that the records belong to; absent for changes. */
  readonly snapshot?: string;
}

/** A record's place in the WAL: the LSN of its WAL record as two unsigned halves, and its `tx_seq`. */
export interface RecordPlace {
  readonly walStartHigh: number;
  readonly walStartLow: number;
  readonly seq: number;
}

const NO_COLUMNS = new TupleColumns();

/** A record's key: its columns and the location of their values. */
export class ChangeKey {
  /** Null if there is no key. */
  columns: KeyColumns | null = null;
  row: TupleColumns = NO_COLUMNS;
  /** Contains the values omitted from `row` as unchanged; null if there is no such row. */
  fill: TupleColumns | null = null;

  set(columns: KeyColumns | null, row: TupleColumns, fill: TupleColumns | null): void {
    this.columns = columns;
    this.row = row;
    this.fill = fill;
  }

  clear(): void {
    this.set(null, NO_COLUMNS, null);
  }
}

/**
 * One change of a row, or the TRUNCATE of a table. The decoder has one object for all changes and overwrites
 * it for each, so a format must not keep any part of it.
 */
export class Change implements RecordPlace {
  operation: Exclude<Operation, "MESSAGE"> = "INSERT";
  /** The message. All columns are positions in it. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The old row; null if PostgreSQL did not send it. */
  before: TupleColumns | null = null;
  /** Whether `before` has only the columns of the replica identity. The others are null in it. */
  beforeIsKey = false;
  /** The new row; null for DELETE and TRUNCATE. */
  after: TupleColumns | null = null;
  /** Contains the values omitted from `after` as unchanged; null if PostgreSQL did not send them. */
  fill: TupleColumns | null = null;
  readonly key = new ChangeKey();
  /** Whether this is one of the two records of an UPDATE that changes the key: a DELETE, then an INSERT. */
  isKeyChange = false;
  /** For a key change, the key of the other of the two records; otherwise without columns. */
  readonly otherKey = new ChangeKey();
  walStartHigh = 0;
  walStartLow = 0;
  seq = 0;

  /** Makes this a TRUNCATE. */
  truncate(): void {
    this.operation = "TRUNCATE";
    this.before = this.after = this.fill = null;
    this.key.clear();
    this.otherKey.clear();
    this.isKeyChange = false;
  }
}
