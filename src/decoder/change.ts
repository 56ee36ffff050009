// What a format is given: one change, as positions in the bytes that PostgreSQL sent.

import { TupleColumns } from "./pgoutput/tuple.ts";
import type { KeyColumns } from "./table.ts";

/** What a record tells of. */
export type Operation = "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "READ" | "MESSAGE";

/** The transaction that a change belongs to. */
export interface Transaction {
  readonly commitLsn: bigint;
  /** Milliseconds since 1970. */
  readonly commitTimeMs: number;
  /** 0 for a logical message outside of a transaction. */
  readonly xid: number;
}

/** Where a record is in the WAL. */
export interface RecordPlace {
  readonly walStartHigh: number;
  readonly walStartLow: number;
  readonly seq: number;
}

const NO_COLUMNS = new TupleColumns();

/**
 * One change of a table's row, or of the whole table. There is one object for all of them, overwritten for each: a
 * format keeps nothing of it.
 */
export class Change implements RecordPlace {
  operation: Exclude<Operation, "MESSAGE"> = "INSERT";
  /** What all columns are positions in. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The old row, if PostgreSQL sent it: all of it, or the replica identity's columns. */
  before: TupleColumns | null = null;
  /** Whether `before` holds the replica identity's columns only. */
  beforeIsKey = false;
  /** The new row; null for DELETE and TRUNCATE. */
  after: TupleColumns | null = null;
  /** Where unchanged TOASTed values of `after` are found; null if they were not sent. */
  fill: TupleColumns | null = null;
  /** Null for a record without a key. */
  key: KeyColumns | null = null;
  /** The row that holds the key, and where its unchanged TOASTed values are found. */
  keyRow: TupleColumns = NO_COLUMNS;
  keyFill: TupleColumns | null = null;
  /** Whether it is the DELETE or the INSERT that an update of the key became. */
  isKeyChange = false;
  walStartHigh = 0;
  walStartLow = 0;
  seq = 0;

  /** Makes it a TRUNCATE. */
  truncate(): void {
    this.operation = "TRUNCATE";
    this.before =
      this.after =
      this.fill =
      this.keyFill =
        null;
    this.key = null;
    this.keyRow = NO_COLUMNS;
    this.isKeyChange = false;
  }
}
