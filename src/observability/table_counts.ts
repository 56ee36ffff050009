// Counts records by table and operation.

import type { Operation } from "../decoder/change.ts";
import type { RecordOrigin } from "../pipeline/events.ts";

/** Further tables are counted together, because each adds several lines to the metrics. */
const TABLES_MAX = 2000;

/** Records by operation. */
export type OperationCounts = Readonly<Record<Operation, number>>;

/** The counts of a table, or of logical messages, for which both names are empty. */
export interface TableReading {
  readonly schema: string;
  readonly table: string;
  readonly records: OperationCounts;
}

/** Counts by table, in the order in which tables first appeared. */
export class TableCounts {
  readonly #tables = new Map<string, TableReading & { readonly records: Record<Operation, number> }>();

  add(origin: RecordOrigin, operation: Operation, count: number): void {
    const { schema, table } = origin === "message" ? NO_TABLE : origin;
    const key = `${schema}\0${table}`;
    let counts = this.#tables.get(key);
    if (counts === undefined) {
      if (this.#tables.size >= TABLES_MAX) return this.#addOther(operation, count);
      counts = { schema, table, records: noRecords() };
      this.#tables.set(key, counts);
    }
    counts.records[operation] += count;
  }

  read(): readonly TableReading[] {
    return [...this.#tables.values()].map((each) => ({ ...each, records: { ...each.records } }));
  }

  #addOther(operation: Operation, count: number): void {
    let other = this.#tables.get(OTHER);
    if (other === undefined) {
      other = { schema: OTHER, table: OTHER, records: noRecords() };
      this.#tables.set(OTHER, other);
    }
    other.records[operation] += count;
  }
}

/** Zero for each operation. */
export function noRecords(): Record<Operation, number> {
  return { INSERT: 0, UPDATE: 0, DELETE: 0, TRUNCATE: 0, READ: 0, MESSAGE: 0 };
}

const NO_TABLE = { schema: "", table: "" };
const OTHER = "(other tables)";
