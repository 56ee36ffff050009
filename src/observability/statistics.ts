// Counts the events of the pipeline, without creating garbage on the data path.

import type { Operation } from "../decoder/change.ts";
import type { CaptureError, ErrorKind } from "../core/errors.ts";
import type { CaptureSubscriber, Delivery, Part, PartState, RecordOrigin } from "../pipeline/events.ts";
import type { WalState } from "../pipeline/ports.ts";
import type { Lsn } from "../core/position.ts";
import type { SnapshotState } from "../core/snapshot_state.ts";
import type { TableName } from "../core/table_name.ts";
import { Histogram, type HistogramReading } from "./histogram.ts";
import { SnapshotCounts, type SnapshotsReading } from "./snapshot_counts.ts";
import { noRecords, type OperationCounts, TableCounts, type TableReading } from "./table_counts.ts";

/** The counts since the start, at one moment. */
export interface StatisticsReading {
  readonly received: { readonly bytes: number; readonly messages: number };
  readonly transactions: number;
  /** Changes that became records. */
  readonly changes: OperationCounts;
  readonly tables: readonly TableReading[];
  readonly delivered: {
    readonly batches: number;
    readonly records: number;
    readonly bytes: number;
    /** The sum over all batches. */
    readonly durationMs: number;
    /** Commit time of the last change's transaction; undefined before the first one. */
    readonly commitTimeMs: number | undefined;
  };
  readonly batchRecords: HistogramReading;
  readonly batchBytes: HistogramReading;
  readonly batchSeconds: HistogramReading;
  /** From a change's commit to its delivery; rows of snapshots are left out. */
  readonly latencySeconds: HistogramReading;
  /** Changes received but not yet delivered. */
  readonly queued: {
    readonly changes: number;
    readonly bytes: number;
    /** Undefined if no change is queued. */
    readonly oldestCommitTimeMs: number | undefined;
  };
  readonly snapshots: SnapshotsReading;
  /** Undefined until the server reported it. */
  readonly serverWalEnd: Lsn | undefined;
  /** As of the server's last report; undefined before the first confirmation. */
  readonly confirmed: Lsn | undefined;
  /** The number of relations whose key or types could no longer be determined. */
  readonly undescribedRelations: number;
  readonly errors: number;
  readonly retries: number;
  readonly errorsByKind: ReadonlyMap<ErrorKind, number>;
  /** Errors followed by a retry. */
  readonly retriesByKind: ReadonlyMap<ErrorKind, number>;
  readonly states: Readonly<Record<Part, PartState>>;
}

// From a batch in a fast local cluster to one that waits for a broker.
const BATCH_SECONDS = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.15,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  300,
  1800,
];
// Between 5 and 200 ms, the normal range of latency, buckets are narrow enough for quantiles accurate to 10
// %.
const LATENCY_SECONDS = [
  ...[0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009],
  ...[0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05, 0.06, 0.07, 0.08, 0.09],
  ...[0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.175, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75],
  ...[1, 1.5, 2.5, 5, 10, 30, 60, 300, 1800],
];
const RECORDS = [1, 10, 100, 500, 1000, 2500, 5000, 10_000, 20_000];
const BYTES = [1024, 4096, 16_384, 65_536, 262_144, 524_288, 1_048_576, 4_194_304];

/** Subscribes to the events and keeps counters, which can be read at any time. */
export class Statistics implements CaptureSubscriber {
  #receivedBytes = 0;
  #receivedMessages = 0;
  #transactions = 0;
  readonly #changes = noRecords();
  readonly #tables = new TableCounts();
  #batches = 0;
  #records = 0;
  #bytes = 0;
  #deliveryMs = 0;
  #deliveredCommitTimeMs: number | undefined;
  readonly #batchRecords = new Histogram(RECORDS);
  readonly #batchBytes = new Histogram(BYTES);
  readonly #batchSeconds = new Histogram(BATCH_SECONDS);
  readonly #latencySeconds = new Histogram(LATENCY_SECONDS);
  #queuedChanges = 0;
  #queuedBytes = 0;
  #oldestCommitTimeMs = 0;
  readonly #snapshots = new SnapshotCounts();
  #serverWalEnd: Lsn | undefined;
  #confirmed: Lsn | undefined;
  /** The confirmed LSN when the WAL was last read: the two together give the lag at that moment. */
  #confirmedThen: Lsn | undefined;
  #undescribedRelations = 0;
  #errors = 0;
  #retries = 0;
  readonly #errorsByKind = new Map<ErrorKind, number>();
  readonly #retriesByKind = new Map<ErrorKind, number>();
  readonly #states: Record<Part, PartState> = {
    postgres: "connecting",
    kafka: "connecting",
    checkpoint: "connecting",
  };

  received(bytes: number, messages: number): void {
    this.#receivedBytes += bytes;
    this.#receivedMessages += messages;
  }

  encoded(origin: RecordOrigin, operation: Operation, count: number): void {
    this.#changes[operation] += count;
    this.#tables.add(origin, operation, count);
  }

  transactionsFinished(count: number): void {
    this.#transactions += count;
  }

  queued(changes: number, bytes: number, oldestCommitTimeMs: number): void {
    this.#queuedChanges = changes;
    this.#queuedBytes = bytes;
    this.#oldestCommitTimeMs = oldestCommitTimeMs;
  }

  delivered({ records, bytes, durationMs, commitTimeMs, commitTimes, deliveredAtMs }: Delivery): void {
    this.#batches += 1;
    this.#records += records;
    this.#bytes += bytes;
    this.#deliveryMs += durationMs;
    if (commitTimeMs > 0) this.#deliveredCommitTimeMs = commitTimeMs;
    this.#batchRecords.observe(records);
    this.#batchBytes.observe(bytes);
    this.#batchSeconds.observe(durationMs / 1000);
    // The two clocks may differ, but a record is never delivered before its commit.
    commitTimes.forEach((timeMs, count) =>
      this.#latencySeconds.observe(Math.max(0, deliveredAtMs - timeMs) / 1000, count)
    );
  }

  snapshotsFound(states: readonly SnapshotState[], atMs: number): void {
    this.#snapshots.found(states, atMs);
  }

  snapshotChanged(state: SnapshotState): void {
    this.#snapshots.changed(state);
  }

  snapshotDelivered(state: SnapshotState): void {
    this.#snapshots.delivered(state);
  }

  snapshotWaits(table: TableName, reason: string): void {
    this.#snapshots.waits(table, reason);
  }

  relationUndescribed(): void {
    this.#undescribedRelations += 1;
  }

  walWatched({ end }: WalState): void {
    this.#serverWalEnd = end;
    this.#confirmedThen = this.#confirmed;
  }

  confirmed(lsn: Lsn): void {
    this.#confirmed = lsn;
  }

  retrying({ kind }: CaptureError): void {
    this.failed(kind, true);
    if (kind === "slot-in-use") this.stateChanged("postgres", "waiting");
    else this.stateChanged(kind.startsWith("postgres-") ? "postgres" : "kafka", "failed");
  }

  checkpointFailed({ kind }: CaptureError): void {
    if (this.#states.checkpoint === "failed") return;
    this.failed(kind, true);
    this.stateChanged("checkpoint", "failed");
  }

  checkpointSaved(): void {
    this.stateChanged("checkpoint", "streaming");
  }

  /** Called when an error ended something; `retrying` tells whether it is retried. */
  failed(kind: ErrorKind, retrying: boolean): void {
    this.#errors += 1;
    this.#errorsByKind.set(kind, (this.#errorsByKind.get(kind) ?? 0) + 1);
    if (!retrying) return;
    this.#retries += 1;
    this.#retriesByKind.set(kind, (this.#retriesByKind.get(kind) ?? 0) + 1);
  }

  stateChanged(part: Part, state: PartState): void {
    this.#states[part] = state;
    if (part === "postgres" && state === "waiting") this.#forgetLag();
  }

  /**
   * Another instance holds the slot and delivers, so this one's earlier position tells nothing about the lag.
   */
  #forgetLag(): void {
    this.queued(0, 0, 0);
    this.#serverWalEnd = this.#confirmed = this.#confirmedThen = undefined;
    this.#snapshots.forget();
  }

  /** The number of records delivered so far, without reading all counters. */
  get deliveredRecords(): number {
    return this.#records;
  }

  /** The latency from commit to delivery of all records so far, in seconds. */
  get latency(): HistogramReading {
    return this.#latencySeconds.read();
  }

  /** The current values of all counters; later events don't change the reading. */
  read(): StatisticsReading {
    return {
      received: { bytes: this.#receivedBytes, messages: this.#receivedMessages },
      transactions: this.#transactions,
      changes: { ...this.#changes },
      tables: this.#tables.read(),
      delivered: {
        batches: this.#batches,
        records: this.#records,
        bytes: this.#bytes,
        durationMs: this.#deliveryMs,
        commitTimeMs: this.#deliveredCommitTimeMs,
      },
      batchRecords: this.#batchRecords.read(),
      batchBytes: this.#batchBytes.read(),
      batchSeconds: this.#batchSeconds.read(),
      latencySeconds: this.#latencySeconds.read(),
      queued: {
        changes: this.#queuedChanges,
        bytes: this.#queuedBytes,
        oldestCommitTimeMs: this.#oldestCommitTimeMs === 0 ? undefined : this.#oldestCommitTimeMs,
      },
      snapshots: this.#snapshots.read(),
      serverWalEnd: this.#serverWalEnd,
      confirmed: this.#confirmedThen ?? this.#confirmed,
      undescribedRelations: this.#undescribedRelations,
      errors: this.#errors,
      retries: this.#retries,
      errorsByKind: new Map(this.#errorsByKind),
      retriesByKind: new Map(this.#retriesByKind),
      states: { ...this.#states },
    };
  }
}
