// What is configured about snapshots.

import type { TableName } from "../../core/table_name.ts";

/** `source.snapshot` of the initial snapshot's records. */
export const INITIAL = "initial";

export interface SnapshotSettings {
  readonly mode: "never" | "initial" | "only";
  /** Whether a pattern, as in PG_TABLES, matches a table. */
  readonly matches: (pattern: string, table: TableName) => boolean;
  /** The tables that `initial` and `only` are about. */
  readonly includes: (table: TableName) => boolean;
  readonly readers: number;
  /** Undefined for no limit. */
  readonly rowsPerSecond: number | undefined;
}
