// Counts what the data path tells, without making garbage on it.

import type { Operation } from "../decoder/relation_plan.ts";
import type { ErrorKind } from "../errors.ts";
import type { Delivery, Observer, Part, PartState } from "../pipeline/observer.ts";
import type { Lsn } from "../pipeline/position.ts";

/** What was counted since the start, at one moment. */
export interface StatisticsReading {
  readonly received: { readonly bytes: number; readonly messages: number };
  readonly transactions: number;
  /** Changes that became records. */
  readonly changes: Readonly<Record<Operation, number>>;
  readonly delivered: {
    readonly batches: number;
    readonly records: number;
    readonly bytes: number;
    /** Sum over all batches. */
    readonly durationMs: number;
    /** Commit time of the last record's transaction; undefined before the first batch. */
    readonly commitTimeMs: number | undefined;
  };
  /** What is received and not yet delivered. */
  readonly queued: {
    readonly changes: number;
    readonly bytes: number;
    /** Undefined where nothing is queued. */
    readonly oldestCommitTimeMs: number | undefined;
  };
  /** Undefined before the server told it. */
  readonly serverWalEnd: Lsn | undefined;
  /** Undefined before the first confirmation. */
  readonly confirmed: Lsn | undefined;
  readonly errors: number;
  readonly retries: number;
  readonly errorsByKind: ReadonlyMap<ErrorKind, number>;
  readonly states: Readonly<Record<Part, PartState>>;
}

/** An observer that keeps counters, to be read when somebody asks. */
export class Statistics implements Observer {
  #receivedBytes = 0;
  #receivedMessages = 0;
  #transactions = 0;
  readonly #changes: Record<Operation, number> = {
    INSERT: 0,
    UPDATE: 0,
    DELETE: 0,
    TRUNCATE: 0,
    READ: 0,
    MESSAGE: 0,
  };
  #batches = 0;
  #records = 0;
  #bytes = 0;
  #deliveryMs = 0;
  #deliveredCommitTimeMs: number | undefined;
  #queuedChanges = 0;
  #queuedBytes = 0;
  #oldestCommitTimeMs = 0;
  #serverWalEnd: Lsn | undefined;
  #confirmed: Lsn | undefined;
  #errors = 0;
  #retries = 0;
  readonly #errorsByKind = new Map<ErrorKind, number>();
  readonly #states: Record<Part, PartState> = {
    postgres: "connecting",
    kafka: "connecting",
    checkpoint: "connecting",
  };

  received(bytes: number, messages: number): void {
    this.#receivedBytes += bytes;
    this.#receivedMessages += messages;
  }

  encoded(operation: Operation, count: number): void {
    this.#changes[operation] += count;
  }

  transactionsFinished(count: number): void {
    this.#transactions += count;
  }

  queued(changes: number, bytes: number, oldestCommitTimeMs: number): void {
    this.#queuedChanges = changes;
    this.#queuedBytes = bytes;
    this.#oldestCommitTimeMs = oldestCommitTimeMs;
  }

  delivered({ records, bytes, durationMs, commitTimeMs }: Delivery): void {
    this.#batches += 1;
    this.#records += records;
    this.#bytes += bytes;
    this.#deliveryMs += durationMs;
    this.#deliveredCommitTimeMs = commitTimeMs;
  }

  serverWalEnd(lsn: Lsn): void {
    this.#serverWalEnd = lsn;
  }

  confirmed(lsn: Lsn): void {
    this.#confirmed = lsn;
  }

  failed(kind: ErrorKind, retrying: boolean): void {
    this.#errors += 1;
    if (retrying) this.#retries += 1;
    this.#errorsByKind.set(kind, (this.#errorsByKind.get(kind) ?? 0) + 1);
  }

  stateChanged(part: Part, state: PartState): void {
    this.#states[part] = state;
  }

  /** All counters as they are now; later calls don't change the reading. */
  read(): StatisticsReading {
    return {
      received: { bytes: this.#receivedBytes, messages: this.#receivedMessages },
      transactions: this.#transactions,
      changes: { ...this.#changes },
      delivered: {
        batches: this.#batches,
        records: this.#records,
        bytes: this.#bytes,
        durationMs: this.#deliveryMs,
        commitTimeMs: this.#deliveredCommitTimeMs,
      },
      queued: {
        changes: this.#queuedChanges,
        bytes: this.#queuedBytes,
        oldestCommitTimeMs: this.#queuedChanges === 0 ? undefined : this.#oldestCommitTimeMs,
      },
      serverWalEnd: this.#serverWalEnd,
      confirmed: this.#confirmed,
      errors: this.#errors,
      retries: this.#retries,
      errorsByKind: new Map(this.#errorsByKind),
      states: { ...this.#states },
    };
  }
}
