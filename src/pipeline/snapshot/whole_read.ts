// Tables without a key: all rows of one moment, which is a border between two transactions of the stream.

import type { ReadMoment, RowBlock, WholeRead } from "../snapshot_ports.ts";
import type { Sendable } from "./row_sender.ts";
import type { EncodedTable, TableRun } from "./table_run.ts";

/** All rows of one table, at one moment. */
export class WholeTable {
  readonly run: TableRun;
  readonly table: EncodedTable;
  readonly read: WholeRead;
  /** Nothing more of it is sent. */
  isVoid = false;
  /** Blocks of rows that wait to be sent. */
  waiting = 0;
  isReadToEnd = false;

  constructor(run: TableRun, table: EncodedTable, read: WholeRead) {
    this.run = run;
    this.table = table;
    this.read = read;
  }

  get moment(): ReadMoment {
    return this.read.moment;
  }

  /**
   * Whether changes have to wait until all rows are sent: an UPDATE or DELETE that comes before its row would take
   * nothing away. Without a replica identity there are only INSERTs.
   */
  get holdsChanges(): boolean {
    return this.table.table.relation.replicaIdentity === "full";
  }

  /** Whether there is nothing more to send. */
  get isOver(): boolean {
    return this.isVoid || (this.isReadToEnd && this.waiting === 0);
  }

  /** The table was truncated. */
  truncated(xid: number): void {
    if (!this.read.moment.visibility.sees(xid)) this.isVoid = true;
  }
}

/** Some of its rows. */
export class WholeRows implements Sendable {
  readonly whole: WholeTable;
  readonly rows: RowBlock;
  cursor = 0;

  constructor(whole: WholeTable, rows: RowBlock) {
    this.whole = whole;
    this.rows = rows;
  }

  get run(): TableRun {
    return this.whole.run;
  }

  get table(): EncodedTable {
    return this.whole.table;
  }

  get moment(): ReadMoment {
    return this.whole.read.moment;
  }

  get isVoid(): boolean {
    return this.whole.isVoid;
  }

  isRemoved(): boolean {
    return false;
  }
}

/**
 * Finds the border that a moment is: its snapshot sees everything that was streamed before, and nothing that
 * follows. The moment was taken while intake stood at a border; the stream goes on to the end of WAL at that time.
 * A transaction that commits in between must be seen, as it almost always is.
 */
export class Split {
  readonly #run: TableRun;
  readonly #table: EncodedTable;
  readonly #read: WholeRead;
  readonly #result = Promise.withResolvers<WholeTable | "again">();

  constructor(run: TableRun, table: EncodedTable, read: WholeRead) {
    this.#run = run;
    this.#table = table;
    this.#read = read;
  }

  get moment(): ReadMoment {
    return this.#read.moment;
  }

  /** "again": the moment was no border. */
  get result(): Promise<WholeTable | "again"> {
    return this.#result.promise;
  }

  /** The border is reached. */
  reached(): WholeTable {
    const whole = new WholeTable(this.#run, this.#table, this.#read);
    this.#result.resolve(whole);
    return whole;
  }

  /** The moment was no border. */
  again(): undefined {
    this.#result.resolve("again");
  }
}
