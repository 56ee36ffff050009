// The tables that the stream has described, by relation id, each with its encoder, in bounded memory.

import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import { type Description, parseDescription, printDescription } from "./description.ts";
import type { RecordFormat, TableEncoder } from "./formats/format.ts";
import type { Overflow } from "./overflow.ts";
import { RecentlyUsed } from "./recently_used.ts";
import { RecordStore, type RecordStoreLimits } from "./record_store.ts";
import { type Table, tableOf } from "./table.ts";

/** A table and the current encoder of its changes. */
export interface DescribedTable {
  readonly table: Table;
  readonly encoder: TableEncoder;
}

export interface RegistryLimits {
  readonly descriptions: RecordStoreLimits;
  /** The approximate size of all encoders together. */
  readonly encoderBytesMax: number;
}

/**
 * All tables of a stream. PostgreSQL describes a table once per connection and does not report when it is
 * dropped, so every description is kept, as bytes; encoders are compiled on use, and the least recently used
 * ones are dropped.
 */
export class TableRegistry {
  readonly #format: RecordFormat;
  readonly #descriptions: RecordStore;
  readonly #tables: RecentlyUsed<DescribedTable>;
  /** Tables whose composite values may be older than their types, up to `#olderUntil`. */
  readonly #older = new Set<number>();
  #olderUntil: Lsn = 0n;

  constructor(format: RecordFormat, overflow?: Overflow, limits: RegistryLimits = LIMITS) {
    this.#format = format;
    this.#descriptions = new RecordStore(limits.descriptions, overflow);
    this.#tables = new RecentlyUsed(limits.encoderBytesMax);
  }

  /** All tables, one at a time. */
  *all(): Generator<Table> {
    for (const id of this.#descriptions.ids) {
      const { relation, primaryKey } = this.describe(id)!;
      yield tableOf(relation, primaryKey);
    }
  }

  has(id: number): boolean {
    return this.#descriptions.has(id);
  }

  /** The description of the relation; undefined if it was not described. */
  describe(id: number): Description | undefined {
    const bytes = this.#descriptions.get(id);
    return bytes === undefined ? undefined : parseDescription(bytes);
  }

  /** The table, with its encoder compiled; undefined if it was not described. */
  get(id: number): DescribedTable | undefined {
    return this.#tables.get(id) ?? this.#compile(id);
  }

  /** @throws CaptureError `too-many-relations` */
  define(description: Description): void {
    const { id } = description.relation;
    this.#descriptions.put(id, printDescription(description));
    this.#older.delete(id);
    this.#tables.delete(id);
  }

  /** Replaces the types of a table. @param types of each column, in the table's order */
  refresh(id: number, types: readonly PgType[]): void {
    this.define({ ...this.describe(id)!, types });
  }

  /**
   * Replaces the types of a table whose values may be older than these types.
   * @param asOf the end of the WAL when they were looked up: values committed before it may be older
   */
  retype(id: number, types: readonly PgType[], commitLsn: Lsn, asOf: Lsn): DescribedTable {
    this.refresh(id, types);
    if (commitLsn <= asOf) {
      // One limit for all: if it is too early for one of them, that one is looked up again.
      this.#olderUntil = this.#older.size > 0 && this.#olderUntil < asOf ? this.#olderUntil : asOf;
      this.#older.add(id);
    }
    return this.get(id)!;
  }

  /** Called for each transaction. @returns whether tables that `get` returned before are out of date */
  beginTransaction(commitLsn: Lsn): boolean {
    if (this.#older.size === 0 || commitLsn <= this.#olderUntil) return false;
    for (const id of this.#older) this.#tables.delete(id);
    this.#older.clear();
    return true;
  }

  #compile(id: number): DescribedTable | undefined {
    const bytes = this.#descriptions.get(id);
    if (bytes === undefined) return undefined;
    const { relation, primaryKey, types } = parseDescription(bytes);
    const table = tableOf(relation, primaryKey);
    const described = { table, encoder: this.#format.table(table, types, this.#older.has(id)) };
    this.#tables.set(id, described, encoderBytes(table, bytes.length));
    return described;
  }
}

/** The approximate memory of a table and its encoder (measured with the native format). */
function encoderBytes({ columns }: Table, descriptionBytes: number): number {
  return TABLE_BYTES + columns.length * COLUMN_BYTES + descriptionBytes * COPIES;
}

const TABLE_BYTES = 2_000;
const COLUMN_BYTES = 400;
/** The number of copies of names and types in an encoder. */
const COPIES = 2;
const MB = 1024 * 1024;
/** 2 GB of descriptions are 18,000 tables of 1,600 columns with names of 63 bytes: PostgreSQL's widest. */
const LIMITS: RegistryLimits = {
  descriptions: { memoryBytesMax: 4 * MB, overflowBytesMax: 2000 * MB },
  encoderBytesMax: 8 * MB,
};
