// The settings of snapshots.

import type { TableName } from "../../core/table_name.ts";

/** The `source.snapshot` value of the initial snapshot's records. */
export const INITIAL = "initial";

export interface SnapshotSettings {
  readonly mode: "never" | "initial" | "only";
  /** Whether a pattern, as in PG_TABLES, matches a table. */
  readonly matches: (pattern: string, table: TableName) => boolean;
  /** Whether `initial` and `only` read the table. */
  readonly includes: (table: TableName) => boolean;
  readonly readers: number;
  /** Undefined for no limit. */
  readonly rowsPerSecond: number | undefined;
}
