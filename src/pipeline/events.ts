// The event port: the events that the pipeline publishes. Logs and metrics subscribe side by side.

import type { CaptureError } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import type { SnapshotRequest, SnapshotState } from "../core/snapshot_state.ts";
import type { TableName } from "../core/table_name.ts";
import type { Operation } from "../decoder/change.ts";
import type { CommitTimes } from "./commit_times.ts";
import type { PublicationChange, PublishedTable, SlotBlocker, SourceWarning, WalState } from "./ports.ts";

/** A part of the program that can fail by itself. */
export type Part = "postgres" | "kafka" | "checkpoint";

/**
 * `waiting`: blocked by something outside, such as a slot that another instance holds. `failed`: the next
 * attempt follows. `stopped`: for good.
 */
export type PartState = "connecting" | "streaming" | "waiting" | "failed" | "stopped";

/** Batches that became visible in Kafka together. */
export interface Delivery {
  readonly records: number;
  /** Size of the records, uncompressed, in bytes. */
  readonly bytes: number;
  /** From the first call of the sink to the return of the last one. */
  readonly durationMs: number;
  /**
   * Commit time of the last change's transaction, in milliseconds since 1970; 0 if only rows of snapshots
   * were delivered in this session.
   */
  readonly commitTimeMs: number;
  /** Commit times of all changes; rows of snapshots have none. Valid during the call. */
  readonly commitTimes: Pick<CommitTimes, "forEach">;
  /** When the sink returned, in milliseconds since 1970. */
  readonly deliveredAtMs: number;
}

/** Where records come from: a table, or logical messages. */
export type RecordOrigin = TableName | "message";

/** The details of a relation that can no longer be determined. */
export interface MissingDetails {
  readonly key: boolean;
  readonly typeOids: readonly number[];
}

/** Where a session resumes. */
export interface ResumedEvent {
  readonly from: "progress" | "checkpoint" | "slot" | "new slot";
  readonly position: { readonly endLsn: Lsn };
  /** Something the operator should know about the resumption. */
  readonly warning?: string;
}

/**
 * All events. Those of the data path occur once per chunk or batch, never once per row. Handlers must neither
 * throw nor wait.
 */
export interface CaptureEvents {
  // The data path.

  /** Received from PostgreSQL since the last call. */
  received(bytes: number, messages: number): void;
  /** Encoded as records since the last call. */
  encoded(origin: RecordOrigin, operation: Operation, count: number): void;
  /** Transactions whose commit was received since the last call. */
  transactionsFinished(count: number): void;
  /**
   * Changes received but not yet delivered, including the batch in flight.
   * @param oldestCommitTimeMs commit time of the oldest change, in milliseconds since 1970; 0 if there is
   *   none
   */
  queued(changes: number, bytes: number, oldestCommitTimeMs: number): void;
  delivered(delivery: Delivery): void;
  /** Confirmed to PostgreSQL. */
  confirmed(lsn: Lsn): void;
  /** The server's WAL and what the slot retains of it, every few seconds. */
  walWatched(wal: WalState): void;

  // The life of a session.

  stateChanged(part: Part, state: PartState): void;
  /** Connected to PostgreSQL; these tables are published. */
  connected(versionNumber: number, tables: readonly PublishedTable[]): void;
  /** At each connection: what is unusual about the publication. */
  sourceWarned(warning: SourceWarning): void;
  /** PostgreSQL or Kafka has not answered for `seconds`; the program keeps waiting. */
  answerAwaited(part: "PostgreSQL" | "Kafka", seconds: number): void;
  /** The publication matches the settings; called again and again, mostly with no change. */
  publicationKept(change: PublicationChange): void;
  /** The publication could not be changed; the tables that it contains are still captured. */
  publicationNotKept(error: CaptureError): void;
  /** Another instance holds the slot; called at each poll. */
  slotHeld(slot: string, pid: number): void;
  /** A slot is about to be created, for which PostgreSQL waits for open transactions. */
  slotCreating(slot: string): void;
  /** The slot does not exist yet: these transactions have to end first. */
  slotAwaits(slot: string, blockers: readonly SlotBlocker[]): void;
  /** Streaming begins. */
  resumed(resumption: ResumedEvent): void;
  /** An error after which the program tries again in `pauseMs`. */
  retrying(error: CaptureError, pauseMs: number): void;
  /** The checkpoint could not be read or written; the program relies on the progress record in Kafka. */
  checkpointFailed(error: CaptureError): void;
  checkpointSaved(): void;
  /** Stopped before everything received could be delivered; the next start receives the rest again. */
  abandoned(error: CaptureError): void;

  // Single tables and changes.

  /** A change cannot be sent; a pointer to it went to the dead-letter topic. */
  deadLettered(found: CaptureError): void;
  /** Once per table: its key or some types can no longer be determined. */
  relationUndescribed(relation: TableName, missing: MissingDetails): void;
  /**
   * At the start of each session: the states of snapshots in Kafka. They replace everything known before.
   * @param atMs the current time, in milliseconds since 1970
   */
  snapshotsFound(states: readonly SnapshotState[], atMs: number): void;
  /** The snapshot of a table was queued, paused or ended; the state is not delivered yet. */
  snapshotChanged(state: SnapshotState): void;
  /** The state of a table's snapshot was delivered, together with the rows that it counts. */
  snapshotDelivered(state: SnapshotState): void;
  /** A snapshot can't continue for now. */
  snapshotWaits(table: TableName, reason: string): void;
  /** A request about snapshots was handled or can't be. */
  snapshotRequested(request: SnapshotRequest | undefined, problem: string | undefined): void;
  /** At each connection: changes of these tables go to the dead-letter topic because of their topics. */
  topicsInConflict(conflicts: readonly CaptureError[]): void;
}

/** Handles the events that it has a method for. */
export type CaptureSubscriber = Partial<CaptureEvents>;

/** Publishes each event to all subscribers, in their order. */
export function publishTo(subscribers: readonly CaptureSubscriber[]): CaptureEvents {
  const publisher = (name: keyof CaptureEvents) => {
    const handlers = subscribers.flatMap((subscriber) => {
      const handler = subscriber[name] as ((...values: readonly unknown[]) => void) | undefined;
      return handler === undefined ? [] : [handler.bind(subscriber)];
    });
    return (...values: readonly unknown[]) => {
      for (const handle of handlers) handle(...values);
    };
  };
  const names = Object.keys(EVENT_NAMES) as (keyof CaptureEvents)[];
  return Object.fromEntries(names.map((name) => [name, publisher(name)])) as unknown as CaptureEvents;
}

const EVENT_NAMES: Readonly<Record<keyof CaptureEvents, true>> = {
  received: true,
  encoded: true,
  transactionsFinished: true,
  queued: true,
  delivered: true,
  confirmed: true,
  walWatched: true,
  stateChanged: true,
  connected: true,
  sourceWarned: true,
  answerAwaited: true,
  publicationKept: true,
  publicationNotKept: true,
  slotHeld: true,
  slotCreating: true,
  slotAwaits: true,
  resumed: true,
  retrying: true,
  checkpointFailed: true,
  checkpointSaved: true,
  abandoned: true,
  deadLettered: true,
  relationUndescribed: true,
  topicsInConflict: true,
  snapshotsFound: true,
  snapshotChanged: true,
  snapshotDelivered: true,
  snapshotWaits: true,
  snapshotRequested: true,
};
