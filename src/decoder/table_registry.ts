// The tables that the stream has described, by relation id, each with its encoder.

import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import type { RecordFormat, TableEncoder } from "./formats/format.ts";
import type { Table } from "./table.ts";

/** A table and what encodes its changes now. */
export interface DescribedTable {
  readonly table: Table;
  readonly encoder: TableEncoder;
}

/** All tables of a stream. */
export class TableRegistry {
  readonly #format: RecordFormat;
  readonly #tables = new Map<number, DescribedTable>();
  /** Tables whose composite values may be older than their types, with the encoders for after that. */
  readonly #older = new Map<number, DescribedTable>();
  #olderUntil: Lsn = 0n;

  constructor(format: RecordFormat) {
    this.#format = format;
  }

  get all(): readonly Table[] {
    return Array.from(this.#tables.values(), ({ table }) => table);
  }

  get(id: number): DescribedTable | undefined {
    return this.#tables.get(id);
  }

  /** @param types of each column, in the table's order */
  define(table: Table, types: readonly PgType[]): void {
    this.#set({ table, encoder: this.#format.table(table, types, false) });
  }

  /**
   * Takes other types for a table.
   * @param asOf the end of the WAL when they were looked up: what was committed before may be older than they are
   */
  retype(table: Table, types: readonly PgType[], commitLsn: Lsn, asOf: Lsn): DescribedTable {
    const strict = { table, encoder: this.#format.table(table, types, false) };
    if (commitLsn > asOf) {
      this.#set(strict);
      return strict;
    }
    const lenient = { table, encoder: this.#format.table(table, types, true) };
    // One bound for all: where it ends too early for one of them, that one is looked up again.
    this.#olderUntil = this.#older.size > 0 && this.#olderUntil < asOf ? this.#olderUntil : asOf;
    this.#older.set(table.id, strict);
    this.#tables.set(table.id, lenient);
    return lenient;
  }

  /** Called for each transaction. @returns whether what was given out before is out of date */
  beginTransaction(commitLsn: Lsn): boolean {
    if (this.#older.size === 0 || commitLsn <= this.#olderUntil) return false;
    for (const [id, described] of this.#older) this.#tables.set(id, described);
    this.#older.clear();
    return true;
  }

  #set(described: DescribedTable): void {
    this.#tables.set(described.table.id, described);
    this.#older.delete(described.table.id);
  }
}
