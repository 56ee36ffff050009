// How far the snapshot of a table has come, and what can be asked about snapshots.

/**
 * - `queued`: it has not begun, or waits for its turn after a restart.
 * - `running`, `paused`: some of its rows may be in Kafka.
 * - `complete`: all of its rows are in Kafka.
 * - `stopped`: ended by a request. `failed`: ended by what `reason` says.
 */
export type SnapshotStatus = "queued" | "running" | "paused" | "complete" | "stopped" | "failed";

/** The state of one table's last snapshot. It is delivered together with the rows that it counts. */
export interface SnapshotState {
  readonly schema: string;
  readonly table: string;
  /** `source.snapshot` of its records. */
  readonly id: string;
  readonly status: SnapshotStatus;
  /** An SQL condition that the rows have to meet; null for all rows. */
  readonly where: string | null;
  /** OID of the table that is read; 0 before its first row. */
  readonly tableOid: number;
  /** Columns that its rows are ordered by; empty for a table without a key, or before its first row. */
  readonly keyColumns: readonly string[];
  /** The last key that is in Kafka, each value as PostgreSQL prints it; null before the first one. */
  readonly lastKey: readonly string[] | null;
  /** Keys whose rows have to be read again. */
  readonly again: readonly (readonly string[])[];
  /** READ records so far. */
  readonly rows: number;
  /** PostgreSQL's estimate of the table's rows when it began; null if it has none. */
  readonly rowsExpected: number | null;
  /** The types, operators and collations that the order of the keys depends on, as one text. */
  readonly keyOrder: string;
  /** Whether all of the table's rows were sent once, by this snapshot or an earlier one. */
  readonly isWhole: boolean;
  /** Why it failed or waits; null if it does neither. */
  readonly reason: string | null;
  /** Milliseconds since 1970. */
  readonly requestedAtMs: number;
  /** Null before its first row was read. */
  readonly startedAtMs: number | null;
  readonly updatedAtMs: number;
}

/** What an operator asks for. Tables are patterns as in PG_TABLES; none means all. */
export type SnapshotRequest =
  | {
    readonly kind: "start";
    readonly id: string;
    readonly tables: readonly string[];
    readonly where: string | null;
  }
  | { readonly kind: "pause" | "resume" | "stop"; readonly tables: readonly string[] };

/** A request in the control topic; undefined if it can't be read, which `problem` then explains. */
export interface ReceivedRequest {
  readonly offset: bigint;
  /** The record's timestamp, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly request: SnapshotRequest | undefined;
  readonly problem: string | undefined;
}

/** What is delivered with a batch besides its records. */
export interface SnapshotNotes {
  /** States that changed; of each table, only the last. */
  readonly states: readonly SnapshotState[];
  /** Requests below this offset of the control topic are taken; null if that did not change. */
  readonly requestsTaken: bigint | null;
  /** As in `SnapshotLedger`; absent if that did not change. */
  readonly holdsUnshown?: boolean;
}

/** What Kafka holds about a source's snapshots. */
export interface SnapshotLedger {
  readonly states: readonly SnapshotState[];
  /** As in `SnapshotNotes`; null if none was ever taken. */
  readonly requestsTaken: bigint | null;
  /**
   * Whether nothing is confirmed to PostgreSQL that is not visible there, so that all of it is streamed again.
   * Absent for no.
   */
  readonly holdsUnshown?: boolean;
}
