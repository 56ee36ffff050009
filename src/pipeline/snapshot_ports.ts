// The ports of snapshots: reading the rows of tables.

import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import type { Visibility } from "../core/visibility.ts";
import type { Relation } from "../decoder/pgoutput/messages.ts";

/** A published table as the stream would describe it, and how to read its rows in chunks. */
export interface SnapshotTable {
  readonly relation: Relation;
  /** As in `tableOf`. */
  readonly primaryKey: readonly string[] | null | undefined;
  /** OIDs of column types that only the catalog knows. */
  readonly unknownTypes: readonly number[];
  /**
   * The columns that rows are ordered by, as positions in a row that is read; empty for a table without a
   * key. A row can have further columns after those of the relation.
   */
  readonly order: readonly number[];
  readonly orderNames: readonly string[];
  /** What the order depends on besides column names: types, operators and collations. */
  readonly orderRule: string;
  /** PostgreSQL's estimate; null if it has none. */
  readonly rowsExpected: number | null;
}

/** A table with the types of its columns. */
export interface TypedTable {
  readonly table: SnapshotTable;
  readonly types: readonly PgType[];
}

/** Rows as received, in one buffer. */
export interface RowBlock {
  /** Each row is the body of a DataRow message (PostgreSQL manual, "Message Formats"). */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Where each row begins. */
  readonly starts: Uint32Array;
  /** Where the last row ends. */
  readonly end: number;
  /** For each row too large to hold, by its index: the number of bytes of its values that were left out. */
  readonly omitted: ReadonlyMap<number, number>;
  /** Returns the buffer to its pool. */
  release(): void;
}

/** The moment as of which rows were read. */
export interface ReadMoment {
  readonly visibility: Visibility;
  /** Every visible transaction has its commit record below this end of WAL. */
  readonly walEnd: Lsn;
  /** PostgreSQL's clock, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Selects the rows of a table to read. */
export interface ChunkQuery {
  /** The rows after this key; null for the first ones. */
  readonly after: readonly string[] | null;
  /** Only the rows with these keys; null for all. */
  readonly keys: readonly (readonly string[])[] | null;
  /** An SQL condition; null for none. */
  readonly where: string | null;
  readonly rowsMax: number;
  /** The chunk ends once it holds this many bytes. */
  readonly bytesMax: number;
}

/** Rows of a table in the order of its key, all as of one moment. */
export interface Chunk {
  readonly moment: ReadMoment;
  readonly rows: RowBlock;
  /** Whether no rows follow. */
  readonly isLast: boolean;
}

/** All rows of a table as of one moment. */
export interface WholeRead {
  readonly moment: ReadMoment;
  /** The next rows; null at the end. */
  next(bytesMax: number, signal: AbortSignal): Promise<RowBlock | TableFault | null>;
}

/** Why a table could not be read. */
export type TableFault =
  /** It does not exist, or not under this name. */
  | { readonly kind: "gone" }
  /** It no longer matches what `describe` returned. */
  | { readonly kind: "changed" }
  /** Another session has locked it. */
  | { readonly kind: "locked" }
  /** It can't be read, and retrying soon won't help. */
  | { readonly kind: "refused"; readonly reason: string };

/** One connection that reads tables. Not for concurrent calls. Methods throw CaptureError when it is lost. */
export interface SnapshotReader {
  describe(schema: string, table: string, signal: AbortSignal): Promise<SnapshotTable | TableFault>;
  /** Reads rows in a separate transaction. */
  readChunk(table: SnapshotTable, query: ChunkQuery, signal: AbortSignal): Promise<Chunk | TableFault>;
  /** Begins a transaction and locks the table against changes of its columns. */
  lock(table: SnapshotTable, where: string | null, signal: AbortSignal): Promise<TableFault | null>;
  /** Takes the moment of the locked table; its rows are read with `next`. */
  readWhole(table: SnapshotTable, where: string | null, signal: AbortSignal): Promise<WholeRead | TableFault>;
  /** Ends the transaction that `lock` began. */
  unlock(signal: AbortSignal): Promise<void>;
  /** Closes the connection. Does not throw. */
  close(): void;
}

/** Whether the result is a fault. */
export function isFault<T extends object>(result: T | TableFault): result is TableFault {
  return "kind" in result;
}
