// What a capture is made of: the adapters, the settings, and what outlives a session.

import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { CaptureError } from "../core/errors.ts";
import type { Backoff } from "./backoff.ts";
import type { BatchLimits } from "./batcher.ts";
import type { BatchSize } from "./batch_size.ts";
import type { CountedUpTo } from "./counted.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Observer } from "./observer.ts";
import type { OversizeAction } from "./oversize.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { CheckpointStore, DeliveryGuarantee, ReplicationSource, Sink } from "./ports.ts";
import type { RelationStore } from "./relation_store.ts";
import type { SilenceLimit } from "./silence.ts";
import type { TableName } from "../core/table_name.ts";

/** The adapters, and what makes their parts. */
export interface CaptureParts {
  readonly source: ReplicationSource;
  /** @param batchBytesMax bytes in one delivery */
  readonly createSink: (identity: SourceIdentity, batchBytesMax: number) => Sink;
  /**
   * Tries what a sink's `open` needs (addresses, TLS, login, rights, the brokers' limits) and the rights to write these
   * topics, but writes nothing, creates nothing and fences nobody: the slot need not be held.
   * @returns the last delivered progress as it is now, or null when there is none
   * @throws CaptureError `kafka-refused` where they would be refused
   */
  readonly probeSink: (
    identity: SourceIdentity,
    topics: readonly string[],
    signal: AbortSignal,
  ) => Promise<Progress | null>;
  readonly store: CheckpointStore;
  readonly relations: RelationStore;
  readonly createDecoder: () => ChangeDecoder;
  /** The topic of a table, of logical messages or of pointers. @throws TopicConflict */
  readonly topicOf: (target: TableName | "message" | "dead-letter") => string;
  /** An error for each of these tables whose changes can't be sent because of its topic. */
  readonly topicConflicts: (tables: readonly TableName[]) => readonly CaptureError[];
  readonly observer: Observer;
  readonly lifecycle: Lifecycle;
  /** Milliseconds since any moment; never goes back, whatever happens to the clock. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

/** What the pipeline is told. */
export interface CaptureSettings {
  readonly database: string;
  readonly slot: string;
  readonly publication: string;
  readonly delivery: DeliveryGuarantee;
  readonly limits: BatchLimits;
  readonly oversize: OversizeAction;
  /** Bytes in one delivery, on a link that takes them. */
  readonly batchBytesMax: number;
  readonly keepaliveIntervalMs: number;
  /** The pause between two looks at something that another party holds. */
  readonly pollIntervalMs: number;
}

/** What is kept from one session to the next. */
export interface SessionMemory {
  readonly silence: SilenceLimit;
  readonly batchSize: BatchSize;
  readonly backoff: Backoff;
  readonly counted: CountedUpTo;
  /** Whether Kafka was tried with all that delivering needs, and refused nothing. */
  kafkaTried: boolean;
}
