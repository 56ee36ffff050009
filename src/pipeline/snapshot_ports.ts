// The ports of snapshots: how the rows of tables are read.

import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import type { Visibility } from "../core/visibility.ts";
import type { Relation } from "../decoder/pgoutput/messages.ts";

/** A published table, as the stream would describe it, and how its rows can be read in pieces. */
export interface SnapshotTable {
  readonly relation: Relation;
  /** As for `tableOf`. */
  readonly primaryKey: readonly string[] | null | undefined;
  /** OIDs of the columns' types that only the catalog knows. */
  readonly unknownTypes: readonly number[];
  /**
   * The columns that rows are ordered by, as positions in a row that is read; empty for a table without a key.
   * A row may have columns behind those of the relation.
   */
  readonly order: readonly number[];
  readonly orderNames: readonly string[];
  /** What the order depends on besides the columns: their types, operators and collations. */
  readonly orderRule: string;
  /** PostgreSQL's estimate; null if it has none. */
  readonly rowsExpected: number | null;
}

/** The types of a table's columns, once they are known. */
export interface TypedTable {
  readonly table: SnapshotTable;
  readonly types: readonly PgType[];
}

/** Rows as they came, in one buffer. */
export interface RowBlock {
  /** Each row is the body of a DataRow message (PostgreSQL manual, "Message Formats"). */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Where each row begins. */
  readonly starts: Uint32Array;
  /** Where the last row ends. */
  readonly end: number;
  /** For rows that were too large to be held, by their index: how many bytes of their values were left out. */
  readonly omitted: ReadonlyMap<number, number>;
  /** Gives the buffer back. */
  release(): void;
}

/** The moment that rows were read at. */
export interface ReadMoment {
  readonly visibility: Visibility;
  /** Every transaction that is seen has its commit record below this end of WAL. */
  readonly walEnd: Lsn;
  /** PostgreSQL's clock, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Which rows of a table are read. */
export interface ChunkQuery {
  /** The rows behind this key; null for the first ones. */
  readonly after: readonly string[] | null;
  /** Only the rows with these keys; null for all. */
  readonly keys: readonly (readonly string[])[] | null;
  /** An SQL condition; null for none. */
  readonly where: string | null;
  readonly rowsMax: number;
  /** More bytes are not held: the chunk ends where they were reached. */
  readonly bytesMax: number;
}

/** Rows of a table in the order of its key, all read at one moment. */
export interface Chunk {
  readonly moment: ReadMoment;
  readonly rows: RowBlock;
  /** Whether there is nothing behind it. */
  readonly isLast: boolean;
}

/** All rows of a table, read at one moment. */
export interface WholeRead {
  readonly moment: ReadMoment;
  /** The next rows; null at the end. */
  next(bytesMax: number, signal: AbortSignal): Promise<RowBlock | TableFault | null>;
}

/** What became of a table that was to be read. */
export type TableFault =
  /** It is not there, or not under this name. */
  | { readonly kind: "gone" }
  /** It is not what `describe` told any more. */
  | { readonly kind: "changed" }
  /** Somebody has locked it. */
  | { readonly kind: "locked" }
  /** It can't be read, and will not be soon. */
  | { readonly kind: "refused"; readonly reason: string };

/** One connection that reads tables. Not for concurrent calls. Methods throw CaptureError when it is lost. */
export interface SnapshotReader {
  describe(schema: string, table: string, signal: AbortSignal): Promise<SnapshotTable | TableFault>;
  /** Reads rows in a transaction of their own. */
  readChunk(table: SnapshotTable, query: ChunkQuery, signal: AbortSignal): Promise<Chunk | TableFault>;
  /** Locks the table against changes of its columns and begins to read it; `next` reads on. */
  lock(table: SnapshotTable, where: string | null, signal: AbortSignal): Promise<TableFault | null>;
  /** Takes the moment of all rows of the table that was locked. */
  readWhole(table: SnapshotTable, where: string | null, signal: AbortSignal): Promise<WholeRead | TableFault>;
  /** Ends what `lock` began. */
  unlock(signal: AbortSignal): Promise<void>;
  /** Closes the connection. Does not throw. */
  close(): void;
}

/** Whether it is a fault instead of what was asked for. */
export function isFault<T extends object>(result: T | TableFault): result is TableFault {
  return "kind" in result;
}
