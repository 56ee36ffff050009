// What the data path tells those who watch it: logs, metrics and the status line stay off it.

import type { Operation } from "../decoder/change.ts";
import type { ErrorKind } from "../core/errors.ts";
import type { CommitTimes } from "./commit_times.ts";
import type { WalState } from "./ports.ts";
import type { Lsn } from "../core/position.ts";

/** A part of the program that can be away by itself. */
export type Part = "postgres" | "kafka" | "checkpoint";

/**
 * How a part is: being connected to; doing its work; held up by something that has to be awaited (a slot that
 * another instance holds, a topic without enough replicas); failed and about to be tried again; stopped for good.
 */
export type PartState = "connecting" | "streaming" | "waiting" | "failed" | "stopped";

/** A batch that is in Kafka. */
export interface Delivery {
  readonly records: number;
  /** Size of the records, uncompressed, in bytes. */
  readonly bytes: number;
  /** From the call of the sink to its return. */
  readonly durationMs: number;
  /** Commit time of the last record's transaction, in milliseconds since 1970. */
  readonly commitTimeMs: number;
  /** Commit times of all its records; valid during the call. */
  readonly commitTimes: Pick<CommitTimes, "forEach">;
  /** When the sink returned, in milliseconds since 1970. */
  readonly deliveredAtMs: number;
}

/** Whose records: a table's, or those of logical messages. */
export type RecordOrigin = { readonly schema: string; readonly table: string } | "message";

/** Called by the data path, once a chunk or batch and never once a row. Its methods must not throw or wait. */
export interface Observer {
  /** Came from PostgreSQL since the last call. */
  received(bytes: number, messages: number): void;
  /** Became records since the last call. */
  encoded(origin: RecordOrigin, operation: Operation, count: number): void;
  /** Transactions whose end was received since the last call. */
  transactionsFinished(count: number): void;
  /**
   * What is received and not yet delivered, the batch in flight included.
   * @param oldestCommitTimeMs commit time of the oldest of them, in milliseconds since 1970; 0 where there is none
   */
  queued(changes: number, bytes: number, oldestCommitTimeMs: number): void;
  delivered(delivery: Delivery): void;
  /** A relation's key or types can't be known any more; once a table. */
  relationUndescribed(): void;
  /** The server's WAL and what the slot keeps of it, every few seconds. */
  walWatched(wal: WalState): void;
  /** Confirmed to PostgreSQL. */
  confirmed(lsn: Lsn): void;
  /** An error ended what was being done; `retrying` says whether it is tried again. */
  failed(kind: ErrorKind, retrying: boolean): void;
  stateChanged(part: Part, state: PartState): void;
}
