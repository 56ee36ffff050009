// The ports that adapters implement: a replication source, a sink, and a checkpoint store.

import type { EncodedRecord } from "../core/encoded_record.ts";
import type { PgType } from "../core/pg_type.ts";
import type { Lsn, Progress } from "../core/position.ts";
import type { Visibility } from "../core/visibility.ts";
import type { SnapshotReader } from "./snapshot_ports.ts";
import type { ReceivedRequest, SnapshotLedger, SnapshotNotes } from "../core/snapshot_state.ts";

/** A topic that exists and accepts records. */
export interface Route {
  readonly topic: string;
  readonly partitions: number;
}

/** The records of one delivery. The sink creates batches; the pipeline fills them. */
export interface Batch {
  /** Number of records. */
  readonly count: number;
  /** Size of the records, uncompressed, in bytes. */
  readonly bytes: number;
  /**
   * Whether there is room for the record, and for its tombstone if it has one. False if a partition's record
   * batch would exceed the broker's limit or this batch its own, so that the batch has to be sent first. An
   * empty batch has room for every record that `append` accepts.
   */
  fits(route: Route, record: EncodedRecord, withTombstone: boolean): boolean;
  /**
   * Copies a record into the batch.
   * @param timestampMs the record's timestamp, in milliseconds since 1970
   * @throws RecordTooLarge if the record alone exceeds the broker's limit; the batch is unchanged then
   */
  append(route: Route, record: EncodedRecord, timestampMs: number): void;
  /** Empties the batch and keeps its buffers. */
  clear(): void;
}

/**
 * Where changes go. Each method may throw a CaptureError, after which the sink is closed and replaced by a
 * new one.
 */
export interface Sink {
  /**
   * Prepares the sink to write. With exactly-once delivery this fences the previous instance and ends its
   * transaction, so it is called only while the slot is held.
   * @returns the last delivered progress, or null if there is none
   */
  open(signal: AbortSignal): Promise<Progress | null>;
  /**
   * Finds the topic or creates it.
   * @param soon topics that will be needed next and can be created in the same request
   */
  route(topic: string, signal: AbortSignal, soon?: readonly string[]): Promise<Route>;
  /**
   * Reads again, for topics that have routes, the leaders of their partitions and whether partitions were
   * added.
   * @returns whether `route` now returns more partitions for one of them than before
   */
  refreshRoutes(signal: AbortSignal): Promise<boolean>;
  createBatch(): Batch;
  /**
   * Sends a batch that the next `write` makes visible to read-committed consumers (exactly-once), or delivers
   * it (at-least-once). When it returns, the batch can be cleared. After a failure nothing of it is visible.
   */
  send(batch: Batch, signal: AbortSignal): Promise<void>;
  /**
   * Delivers the batch, what was sent before it, and the progress record in one transaction (exactly-once),
   * or the batch alone (at-least-once). When it returns, all of it is visible to read-committed consumers or
   * will be. An empty batch delivers the progress alone.
   * @param notes are delivered in the same transaction (exactly-once), or after the batch (at-least-once)
   */
  write(batch: Batch, progress: Progress, signal: AbortSignal, notes?: SnapshotNotes): Promise<void>;
  /** Reads the delivered states of this source's snapshots. Called after `open`, before the first `write`. */
  readSnapshots(signal: AbortSignal): Promise<SnapshotLedger>;
  /**
   * Reads the requests in the control topic from an offset on, at most a few hundred at a time; none if the
   * topic does not exist. It does not wait for later ones.
   * @param from null to start at the oldest one
   */
  readRequests(from: bigint | null, signal: AbortSignal): Promise<readonly ReceivedRequest[]>;
  /** Closes connections. It neither throws nor waits for an answer. */
  close(): void;
}

/**
 * How a position was delivered, which decides how far a checkpoint without a progress record can be trusted.
 */
export type DeliveryGuarantee = "exactly-once" | "at-least-once";

/** The content of the checkpoint store. */
export interface Checkpoint {
  readonly progress: Progress;
  readonly delivery: DeliveryGuarantee;
}

/** Keeps the position between runs. Throws CaptureError `checkpoint-unavailable`. */
export interface CheckpointStore {
  load(): Promise<Checkpoint | null>;
  save(checkpoint: Checkpoint): Promise<void>;
  close(): void;
}

/** The server, from IDENTIFY_SYSTEM and the session's settings. */
export interface ServerInfo {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Whether it is in recovery: it follows a primary or is about to be promoted. */
  readonly isStandby: boolean;
  /** 150004 for 15.4. */
  readonly versionNumber: number;
  /** The session's wal_sender_timeout in milliseconds; 0 for none. */
  readonly walSenderTimeoutMs: number;
}

/** A replication slot, from pg_replication_slots. */
export interface SlotState {
  /** The LSN up to which a consumer has confirmed. */
  readonly confirmedFlushLsn: Lsn;
  /** The server process that holds the slot, or null. */
  readonly activePid: number | null;
  /** The end of the server's WAL when this was read. */
  readonly walEnd: Lsn;
}

/** A transaction that has to end before a slot can be created. */
export interface SlotBlocker {
  /** 0 for a prepared transaction. */
  readonly pid: number;
  /** Undefined if the role is not allowed to see it. */
  readonly username: string | undefined;
  readonly application: string | undefined;
  readonly since: string | undefined;
}

/** The server's WAL, and how much of it the slot retains. */
export interface WalState {
  readonly end: Lsn;
  /** Where the WAL that the slot retains begins; null if unknown or if the slot is lost. */
  readonly keptFrom: Lsn | null;
  /** pg_replication_slots.wal_status; null if there is no slot. */
  readonly status: "reserved" | "extended" | "unreserved" | "lost" | null;
  /** Bytes that can be written before the slot may be lost (safe_wal_size); null if there is no limit. */
  readonly bytesLeft: number | null;
  /** The visible transactions; null if they were not requested. */
  readonly visibility: Visibility | null;
}

/** Where one timeline ended and the next began. */
export interface TimelineSwitch {
  readonly timeline: number;
  readonly endLsn: Lsn;
}

/** What only the catalog knows about a relation. */
export interface RelationDetails {
  /** False if the relation was dropped. */
  readonly exists: boolean;
  /** The primary key's columns in the key's order; null if there is none. */
  readonly primaryKey: readonly string[] | null;
  /** The transaction that created the primary key or renamed its columns last; undefined if there is none. */
  readonly primaryKeyXid: number | undefined;
  /** Types by OID. An OID that the catalog does not know is missing. */
  readonly types: ReadonlyMap<number, PgType>;
  /** The last transaction that altered a composite type among them; undefined if there is none. */
  readonly typesXid: number | undefined;
  /** The end of the server's WAL before the types were looked up. */
  readonly asOf: Lsn;
}

/** A table in the publication. */
export interface PublishedTable {
  readonly schema: string;
  readonly table: string;
  /** False if UPDATE and DELETE fail in the application because PostgreSQL cannot identify the row. */
  readonly hasReplicaIdentity: boolean;
}

/** A published table and its OID. */
export interface PublishedOid {
  readonly schema: string;
  readonly table: string;
  readonly oid: number;
}

/** Something that is valid but probably unintended. */
export interface SourceWarning {
  readonly found: string;
  /** The SQL that fixes it. */
  readonly fix: string;
}

/** How the publication was changed to contain the configured tables. Names are quoted as in SQL. */
export interface PublicationChange {
  readonly made: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Configured names that match no table. */
  readonly unmatched: readonly string[];
}

/** A connection to PostgreSQL in replication mode, before and while it streams. */
export interface SourceSession {
  readonly server: ServerInfo;
  readonly publishedTables: readonly PublishedTable[];
  /** What is unusual about the publication. */
  readonly warnings: readonly SourceWarning[];
  /** How connecting changed the publication; null if pg-capture does not manage it. */
  readonly publicationChange: PublicationChange | null;
  /**
   * The slot, or null if it does not exist.
   * @throws CaptureError `slot-unusable` if it cannot be used; `postgres-unavailable` while it is being
   *   synchronized from the primary, or if the server was promoted since the session began
   */
  slot(signal: AbortSignal): Promise<SlotState | null>;
  /** The transactions that `createSlot` waits for. */
  slotBlockers(signal: AbortSignal): Promise<readonly SlotBlocker[]>;
  /** Creates the slot. @returns its consistent point, where the stream begins; null if it exists already */
  createSlot(signal: AbortSignal): Promise<Lsn | null>;
  /** Starts replication at the slot's own position. @throws CaptureError `slot-in-use` */
  start(signal: AbortSignal): Promise<ReplicationStream>;
  /**
   * Reads the state of the server's WAL. It can hold a position back (wal_end_gate.ts) but never advance one.
   */
  readWal(signal: AbortSignal): Promise<WalState>;
  /**
   * Changes the publication to contain the configured tables, as connecting does; null if pg-capture does not
   * manage it.
   */
  managePublication(signal: AbortSignal): Promise<PublicationChange | null>;
  /** The timelines that lead to the server's present one, oldest first. */
  timelineHistory(signal: AbortSignal): Promise<readonly TimelineSwitch[]>;
  describeRelation(
    relationId: number,
    typeOids: readonly number[],
    signal: AbortSignal,
  ): Promise<RelationDetails>;
  /**
   * Checks whether composite types of described relations were altered, which the stream does not tell.
   * @returns the end of the WAL when an alteration was detected, or null
   */
  readTypesChange(signal: AbortSignal): Promise<Lsn | null>;
  /** The tables that are published now. */
  publishedNow(signal: AbortSignal): Promise<readonly PublishedOid[]>;
  /** Writes an empty transaction's commit record to the WAL. @returns an end of WAL after it */
  advanceWal(signal: AbortSignal): Promise<Lsn>;
  /** Opens a reader of tables on a separate connection, which is opened when needed. */
  openSnapshotReader(): SnapshotReader;
  /** Closes all connections except those of snapshot readers. Does not throw. */
  close(): void;
}

/** Where changes come from. */
export interface ReplicationSource {
  /** Connects and checks what streaming needs: wal_level, privileges, publication. */
  connect(signal: AbortSignal): Promise<SourceSession>;
}

/** A started replication stream. The reader pulls messages from it. */
export interface ReplicationStream {
  /** The buffer that holds the current message's payload at `[start, end)`; valid until the next `fill`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /**
   * The XLogData header's `walStart` as two unsigned halves, because a bigint for each row would create
   * garbage.
   */
  readonly walStartHigh: number;
  readonly walStartLow: number;
  /**
   * The keepalive's end of WAL and whether it requests a reply; valid after `next()` returned `keepalive`.
   */
  readonly walEnd: Lsn;
  readonly replyRequested: boolean;
  /**
   * Above 0 if the message was too large to be held: this many bytes of it were skipped. Its long values then
   * look like unchanged values that were not sent.
   */
  readonly omittedBytes: number;
  /** Moves to the next complete message that was already received. */
  next(): "xlog-data" | "keepalive" | "none";
  /** Calls `show` with the payload of each complete XLogData message that follows. */
  peek(show: (bytes: Uint8Array, start: number, end: number) => void): void;
  /**
   * Waits for more bytes from the server.
   * @throws CaptureError if the connection ends or the server reports an error
   */
  fill(signal: AbortSignal): Promise<void>;
  /** Bytes received since the last call. */
  takeReceivedBytes(): number;
  /** Sends a standby status update. PostgreSQL can discard everything up to `flushed`. */
  confirm(received: Lsn, flushed: Lsn): Promise<void>;
  /**
   * Confirms for the last time and ends the stream; waits at most `timeoutMs` until the server has received
   * it.
   */
  finish(received: Lsn, flushed: Lsn, timeoutMs: number): Promise<void>;
  /** Closes the connection. Does not throw. */
  close(): void;
}
