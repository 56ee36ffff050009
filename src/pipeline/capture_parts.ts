// The inputs of a session: the adapters, the settings, and the memory of earlier sessions.

import type { Clock } from "../core/clock.ts";
import { CaptureError } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { TableName } from "../core/table_name.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { BatchLimits } from "./batcher.ts";
import type { CaptureEvents } from "./events.ts";
import type { OversizeAction } from "./oversize.ts";
import type { CheckpointStore, DeliveryGuarantee, ReplicationSource, Sink } from "./ports.ts";
import type { RelationStore } from "./relation_store.ts";
import type { SessionMemory } from "./session_memory.ts";
import type { SnapshotSettings } from "./snapshot/snapshot_settings.ts";
import type { RecordFormat } from "../decoder/formats/format.ts";

/** The adapters, and the factories of their parts. */
export interface CaptureParts {
  readonly source: ReplicationSource;
  /** @param batchBytesMax bytes in one delivery */
  readonly createSink: (identity: SourceIdentity, batchBytesMax: number) => Sink;
  /**
   * Tries what a sink's `open` needs (addresses, TLS, login, rights, the brokers' limits) and the rights to
   * write to these topics. It writes nothing, creates nothing and fences nobody, so the slot need not be
   * held.
   * @returns the last delivered progress, or null if there is none
   * @throws CaptureError `kafka-refused` if Kafka would reject them
   */
  readonly probeSink: (
    identity: SourceIdentity,
    topics: readonly string[],
    signal: AbortSignal,
  ) => Promise<Progress | null>;
  readonly store: CheckpointStore;
  readonly relations: RelationStore;
  readonly createDecoder: () => ChangeDecoder;
  /** Creates the format for the rows of snapshots. */
  readonly createFormat: () => RecordFormat;
  /** The topic of a table, of logical messages or of dead letters. @throws TopicConflict */
  readonly topicOf: (target: TableName | "message" | "dead-letter") => string;
  /** An error for each of these tables whose changes cannot be sent because of its topic. */
  readonly topicConflicts: (tables: readonly TableName[]) => readonly CaptureError[];
  readonly events: CaptureEvents;
  readonly clock: Clock;
}

export interface CaptureSettings {
  readonly database: string;
  readonly slot: string;
  readonly publication: string;
  readonly delivery: DeliveryGuarantee;
  readonly limits: BatchLimits;
  readonly oversize: OversizeAction;
  /** Bytes in one delivery, on a link that is fast enough for them. */
  readonly batchBytesMax: number;
  readonly keepaliveIntervalMs: number;
  /** The pause between two polls of something that another party holds. */
  readonly pollIntervalMs: number;
  readonly snapshot: SnapshotSettings;
}

/** The inputs of a session. */
export interface SessionContext {
  readonly parts: CaptureParts;
  readonly settings: CaptureSettings;
  readonly memory: SessionMemory;
  /** Aborts to request a clean end: everything received is delivered, saved and confirmed. */
  readonly stop: AbortSignal;
  /** Aborts to end everything at once. */
  readonly kill: AbortSignal;
}

/**
 * The topics of the tables, each once. A table without a usable topic is left out: its first change reports
 * it.
 */
export function topicsOf({ topicOf }: CaptureParts, tables: readonly TableName[]): string[] {
  const topics = new Set<string>();
  for (const table of tables) {
    try {
      topics.add(topicOf(table));
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
    }
  }
  return [...topics];
}
