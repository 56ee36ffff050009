// Reads tables without a key: all rows as of one moment, which is a border between two transactions of the
// stream.

import type { ReadMoment, RowBlock, WholeRead } from "../snapshot_ports.ts";
import type { Sendable } from "./row_sender.ts";
import type { EncodedTable, TableRun } from "./table_run.ts";

/** All rows of one table as of one moment. */
export class WholeTable {
  readonly run: TableRun;
  readonly table: EncodedTable;
  readonly read: WholeRead;
  /** Whether no more of its rows may be sent. */
  isVoid = false;
  /** The number of blocks waiting to be sent. */
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
   * Whether changes have to wait until all rows are sent: an UPDATE or DELETE sent before its row would have
   * no effect. Without a replica identity there are only INSERTs.
   */
  get holdsChanges(): boolean {
    return this.table.table.relation.replicaIdentity === "full";
  }

  /** Whether there is nothing more to send. */
  get isOver(): boolean {
    return this.isVoid || (this.isReadToEnd && this.waiting === 0);
  }

  /** Records a streamed TRUNCATE of the table. */
  truncated(xid: number): void {
    if (!this.read.moment.visibility.sees(xid)) this.isVoid = true;
  }
}

/** Some rows of the table. */
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
 * Finds the border in the stream that matches a moment: its snapshot sees everything streamed before the
 * border and nothing after it. The moment was taken while intake waited at a border; the stream continues to
 * the end of WAL at that time. A transaction that commits in between must be visible, as it almost always is.
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

  /** "again" if the moment matches no border. */
  get result(): Promise<WholeTable | "again"> {
    return this.#result.promise;
  }

  /** Called when the stream reaches the border. */
  reached(): WholeTable {
    const whole = new WholeTable(this.#run, this.#table, this.#read);
    this.#result.resolve(whole);
    return whole;
  }

  /** Called when the moment turns out to match no border. */
  again(): undefined {
    this.#result.resolve("again");
  }
}
