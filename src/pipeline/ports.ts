// What the pipeline needs of the world: a replication source, a sink, and a checkpoint store.

import type { EncodedRecord } from "../core/encoded_record.ts";
import type { PgType } from "../core/pg_type.ts";
import type { Lsn, Progress } from "../core/position.ts";

/** A topic that exists, ready to take records. */
export interface Route {
  readonly topic: string;
  readonly partitions: number;
}

/** Records on their way to one delivery. A sink makes its batches; the pipeline fills them. */
export interface Batch {
  /** Number of records. */
  readonly count: number;
  /** Size of the records, uncompressed, in bytes. */
  readonly bytes: number;
  /**
   * Whether the record would fit, together with its tombstone where it has one: false when a partition's record batch would pass the broker's limit or the
   * batch its own, and the batch has to be sent first. An empty batch takes every record that `append` takes.
   */
  fits(route: Route, record: EncodedRecord, withTombstone: boolean): boolean;
  /**
   * Copies a record in.
   * @param timestampMs the record's timestamp, in milliseconds since 1970
   * @throws RecordTooLarge when the record alone passes the broker's limit; the batch is as before then
   */
  append(route: Route, record: EncodedRecord, timestampMs: number): void;
  /** Empties the batch; its buffers are kept. */
  clear(): void;
}

/** Where changes go. Each method may throw a CaptureError; after one, the sink is closed and made anew. */
export interface Sink {
  /**
   * Makes the sink ready to write. With exactly-once delivery this ends and fences a predecessor's transaction,
   * so it is called only while the slot is held.
   * @returns the last delivered progress, or null when there is none
   */
  open(signal: AbortSignal): Promise<Progress | null>;
  /** Finds the topic, or makes it. @param soon topics that will be asked for next, and may be made along with it */
  route(topic: string, signal: AbortSignal, soon?: readonly string[]): Promise<Route>;
  /**
   * Looks again for the topics that have routes: who leads their partitions, and whether some were added.
   * @returns whether `route` now gives more partitions for one of them than before
   */
  refreshRoutes(signal: AbortSignal): Promise<boolean>;
  createBatch(): Batch;
  /**
   * Sends a batch that the next `write` makes visible to read-committed consumers (exactly-once), or delivers it
   * (at-least-once). When it returns, the batch can be cleared; after a failure nothing of it is there.
   */
  send(batch: Batch, signal: AbortSignal): Promise<void>;
  /**
   * Delivers the batch, what was sent before it and the progress record in one transaction (exactly-once), or the
   * batch alone (at-least-once). When it returns, all of it is visible to a read-committed consumer or will be.
   * An empty batch delivers the progress alone.
   */
  write(batch: Batch, progress: Progress, signal: AbortSignal): Promise<void>;
  /** Lets go of connections. Does not throw, does not wait for an answer. */
  close(): void;
}

/** How a position was delivered: what a checkpoint without a progress record is worth. */
export type DeliveryGuarantee = "exactly-once" | "at-least-once";

/** What the checkpoint store holds. */
export interface Checkpoint {
  readonly progress: Progress;
  readonly delivery: DeliveryGuarantee;
}

/** Where the position is kept between runs. Throws CaptureError `checkpoint-unavailable`. */
export interface CheckpointStore {
  load(): Promise<Checkpoint | null>;
  save(checkpoint: Checkpoint): Promise<void>;
  close(): void;
}

/** What IDENTIFY_SYSTEM and the session's settings say of the server. */
export interface ServerInfo {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Whether it is in recovery: it follows a primary, or is about to be promoted. */
  readonly isStandby: boolean;
  /** 150004 for 15.4. */
  readonly versionNumber: number;
  /** The session's wal_sender_timeout in milliseconds; 0: never. */
  readonly walSenderTimeoutMs: number;
}

/** A replication slot as pg_replication_slots shows it. */
export interface SlotState {
  /** Up to where a consumer has confirmed. */
  readonly confirmedFlushLsn: Lsn;
  /** The process that holds the slot, or null. */
  readonly activePid: number | null;
  /** The end of the server's WAL when this was read. */
  readonly walEnd: Lsn;
}

/** A transaction that is older than a slot which is being made, and has to end first. */
export interface SlotBlocker {
  /** 0 for a prepared transaction. */
  readonly pid: number;
  /** Undefined where the role may not see it. */
  readonly username: string | undefined;
  readonly application: string | undefined;
  readonly since: string | undefined;
}

/** The server's WAL, and what of it the slot makes the server keep. */
export interface WalState {
  readonly end: Lsn;
  /** From here on it is kept for the slot; null where that is not known, or the slot is lost. */
  readonly keptFrom: Lsn | null;
  /** pg_replication_slots.wal_status; null where there is no slot. */
  readonly status: "reserved" | "extended" | "unreserved" | "lost" | null;
  /** Bytes that may still be written before the slot is in danger (safe_wal_size); null: there is no bound. */
  readonly bytesLeft: number | null;
}

/** Where a timeline was left for the next one. */
export interface TimelineSwitch {
  readonly timeline: number;
  readonly endLsn: Lsn;
}

/** What the catalog says of a relation that the stream can't. */
export interface RelationDetails {
  /** False: the relation was dropped. */
  readonly exists: boolean;
  /** Names of the primary key's columns in the key's order; null when there is none. */
  readonly primaryKey: readonly string[] | null;
  /** The transaction that made the primary key, or renamed it since; undefined where there is none. */
  readonly primaryKeyXid: number | undefined;
  /** Types by OID, for each OID that was asked for; an OID that the catalog does not know is missing. */
  readonly types: ReadonlyMap<number, PgType>;
  /** The last transaction that altered a composite type of these; undefined where there is none. */
  readonly typesXid: number | undefined;
  /** The end of the server's WAL before the types were looked up. */
  readonly asOf: Lsn;
}

/** A table that the publication holds. */
export interface PublishedTable {
  readonly schema: string;
  readonly table: string;
  /** False when UPDATE and DELETE would fail in the application, because PostgreSQL could not name the row. */
  readonly hasReplicaIdentity: boolean;
}

/** Something that is allowed and hardly meant. */
export interface SourceWarning {
  readonly found: string;
  /** The SQL that fixes it. */
  readonly fix: string;
}

/** What was done to keep the publication to the tables that were asked for; the names as SQL writes them. */
export interface PublicationChange {
  readonly made: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** What was asked for and names no table. */
  readonly unmatched: readonly string[];
}

/** A connection to PostgreSQL in replication mode, before and while it streams. */
export interface SourceSession {
  readonly server: ServerInfo;
  readonly publishedTables: readonly PublishedTable[];
  /** What is odd about the publication. */
  readonly warnings: readonly SourceWarning[];
  /** What connecting did to the publication; null where it is not pg-capture's to keep. */
  readonly publicationChange: PublicationChange | null;
  /**
   * The slot, or null when it does not exist.
   * @throws CaptureError `slot-unusable` when it can't be used, `postgres-unavailable` while it is being synchronized
   *   from the primary, or when the server was promoted since the session began
   */
  slot(signal: AbortSignal): Promise<SlotState | null>;
  /** Who `createSlot` waits for, while it does. */
  slotBlockers(signal: AbortSignal): Promise<readonly SlotBlocker[]>;
  /** Creates the slot. @returns its consistent point, where the stream begins; null where it exists already */
  createSlot(signal: AbortSignal): Promise<Lsn | null>;
  /** Starts replication at the slot's own position. @throws CaptureError `slot-in-use` */
  start(signal: AbortSignal): Promise<ReplicationStream>;
  /** The server's WAL now; for watching, not for deciding. */
  readWal(signal: AbortSignal): Promise<WalState>;
  /** Keeps the publication to the tables that were asked for, as connecting did; null where that is nobody's wish. */
  managePublication(signal: AbortSignal): Promise<PublicationChange | null>;
  /** The timelines that led to the server's present one, oldest first. */
  timelineHistory(signal: AbortSignal): Promise<readonly TimelineSwitch[]>;
  describeRelation(
    relationId: number,
    typeOids: readonly number[],
    signal: AbortSignal,
  ): Promise<RelationDetails>;
  /**
   * Whether composite types of the relations that were described have been altered since, which the stream does not
   * tell. @returns the end of the WAL when that was seen, or null
   */
  readTypesChange(signal: AbortSignal): Promise<Lsn | null>;
  /** Ends all connections. Does not throw. */
  close(): void;
}

/** Where changes come from. */
export interface ReplicationSource {
  /** Connects, and checks what streaming needs: wal_level, rights, publication. */
  connect(signal: AbortSignal): Promise<SourceSession>;
}

/** A started replication stream, read by pulling. */
export interface ReplicationStream {
  /** The buffer that holds the current message's payload at `[start, end)`; valid until the next `fill`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The XLogData header's `walStart`, as two unsigned halves: a bigint for each row would be garbage. */
  readonly walStartHigh: number;
  readonly walStartLow: number;
  /** The keepalive's end of WAL, and whether it asks for an answer; meaningful after `next()` said keepalive. */
  readonly walEnd: Lsn;
  readonly replyRequested: boolean;
  /**
   * Above 0: the message was too large to be held, and this much of it was left out. Its long values look like
   * unchanged ones that were not sent.
   */
  readonly omittedBytes: number;
  /** Moves to the next whole message that is already here. */
  next(): "xlog-data" | "keepalive" | "none";
  /** Shows the payload of each replicated message that is already here and was not moved to yet. */
  peek(show: (bytes: Uint8Array, start: number, end: number) => void): void;
  /**
   * Waits for more bytes from the server.
   * @throws CaptureError when the connection ends or the server reports an error
   */
  fill(signal: AbortSignal): Promise<void>;
  /** Bytes received since the last call. */
  takeReceivedBytes(): number;
  /** Sends a standby status update. `flushed` is what PostgreSQL may forget. */
  confirm(received: Lsn, flushed: Lsn): Promise<void>;
  /** Confirms for the last time and ends the stream, waiting at most `timeoutMs` for the server to have taken it. */
  finish(received: Lsn, flushed: Lsn, timeoutMs: number): Promise<void>;
  /** Ends the connection. Does not throw. */
  close(): void;
}
