// Tables without a key: all rows of one moment, which is a border between two transactions of the stream.

import type { Lsn } from "../../core/position.ts";
import type { Visibility } from "../../core/visibility.ts";
import {
  isFault,
  type ReadMoment,
  type RowBlock,
  type SnapshotReader,
  type TableFault,
  type WholeRead,
} from "../snapshot_ports.ts";
import type { Sendable } from "./row_sender.ts";
import type { EncodedTable, TableRun } from "./table_run.ts";
import type { UnshownTransactions } from "./unshown_transactions.ts";

/** After a moment that was no border, the next try follows. */
const RETRY_MS = 20;

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

  isRemoved(): boolean {
    return false;
  }
}

export interface SplitParts {
  readonly run: TableRun;
  readonly table: EncodedTable;
  /** Has locked the table. */
  readonly reader: SnapshotReader;
  readonly unshown: UnshownTransactions;
  readonly now: () => number;
}

/**
 * Finds a moment that is a border: its snapshot sees everything that was streamed before, and nothing that
 * follows. Intake stands at a border while the snapshot is taken, and goes on to the end of WAL at that time.
 * A transaction that commits in between must be seen; it is almost always.
 */
export class Split {
  readonly #parts: SplitParts;
  readonly #result = Promise.withResolvers<WholeTable | TableFault>();
  #read: WholeRead | undefined;
  #retryAt = 0;

  constructor(parts: SplitParts) {
    this.#parts = parts;
  }

  get run(): TableRun {
    return this.#parts.run;
  }

  get table(): EncodedTable {
    return this.#parts.table;
  }

  get result(): Promise<WholeTable | TableFault> {
    return this.#result.promise;
  }

  /** The moment that was taken, if there is one. */
  get moment(): ReadMoment | undefined {
    return this.#read?.moment;
  }

  /** How long until the next moment may be taken. */
  get waitMs(): number {
    return this.#read === undefined ? Math.max(0, this.#retryAt - this.#parts.now()) : 0;
  }

  /** A transaction begins before the border was reached. */
  begin(xid: number, visibility: Visibility): void {
    if (!visibility.sees(xid)) this.again();
  }

  /**
   * Takes a moment while intake stands at a border.
   * @returns false if there is nothing to wait for: it failed
   */
  async take(signal: AbortSignal): Promise<boolean> {
    const { run, table, reader, unshown } = this.#parts;
    const read = await reader.readWhole(table.table, run.where, signal);
    if (isFault(read)) {
      this.#result.resolve(read);
      return false;
    }
    const { visibility } = read.moment;
    unshown.shown(visibility);
    if (unshown.unseenBy(visibility, ANY_LSN) !== undefined) this.again();
    else this.#read = read;
    return true;
  }

  /** The border is reached. */
  reached(): WholeTable {
    const { run, table } = this.#parts;
    const whole = new WholeTable(run, table, this.#read!);
    this.#result.resolve(whole);
    return whole;
  }

  fail(error: unknown): void {
    this.#result.reject(error);
  }

  /** The moment was no border. */
  again(): void {
    this.#read = undefined;
    this.#retryAt = this.#parts.now() + RETRY_MS;
  }
}

const ANY_LSN: Lsn = 0xffff_ffff_ffff_ffffn;
