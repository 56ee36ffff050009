// The progress of a table's snapshot, and the requests about snapshots.

/**
 * - `queued`: it has not begun, or waits for its turn after a restart.
 * - `running`, `paused`: some of its rows may be in Kafka.
 * - `complete`: all of its rows are in Kafka.
 * - `stopped`: ended by a request. `failed`: `reason` tells why it ended.
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
  /** OID of the table; 0 before its first row. */
  readonly tableOid: number;
  /** The columns that rows are ordered by; empty for a table without a key, or before its first row. */
  readonly keyColumns: readonly string[];
  /** The last key in Kafka, each value as PostgreSQL prints it; null before the first one. */
  readonly lastKey: readonly string[] | null;
  /** Keys whose rows have to be read again. */
  readonly again: readonly (readonly string[])[];
  /** The number of READ records so far. */
  readonly rows: number;
  /** PostgreSQL's estimate of the table's rows when it began; null if it has none. */
  readonly rowsExpected: number | null;
  /** The types, operators and collations that the order of the keys depends on, as one text. */
  readonly keyOrder: string;
  /** Whether all of the table's rows were sent at least once, by this snapshot or an earlier one. */
  readonly isWhole: boolean;
  /** Why it failed or is waiting; null if neither. */
  readonly reason: string | null;
  /** Milliseconds since 1970. */
  readonly requestedAtMs: number;
  /** Null before its first row was read. */
  readonly startedAtMs: number | null;
  readonly updatedAtMs: number;
}

/** An operator's request. Tables are patterns as in PG_TABLES; an empty list means all. */
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

/** The notes delivered with the records of a batch. */
export interface SnapshotNotes {
  /** The states that changed; only the last one of each table. */
  readonly states: readonly SnapshotState[];
  /** Requests below this offset of the control topic have been handled; null if that did not change. */
  readonly requestsTaken: bigint | null;
  /** As in `SnapshotLedger`; absent if that did not change. */
  readonly holdsUnshown?: boolean;
}

/** The state of a source's snapshots in Kafka. */
export interface SnapshotLedger {
  readonly states: readonly SnapshotState[];
  /** As in `SnapshotNotes`; null if no request was ever handled. */
  readonly requestsTaken: bigint | null;
  /**
   * Whether only transactions visible in PostgreSQL are confirmed to it, so that all others are streamed
   * again. Absent for no.
   */
  readonly holdsUnshown?: boolean;
}
