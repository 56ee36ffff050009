// The state that one session passes to the next.

import type { CaptureError } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import { type TableName, tableText } from "../core/table_name.ts";
import { Backoff } from "./backoff.ts";
import { BatchSize } from "./batch_size.ts";
import { CountedUpTo } from "./counted.ts";
import { IdleTimeout } from "./idle_timeout.ts";

/** A transaction with a change that cannot be sent. */
export interface RefusedTransaction {
  readonly commitLsn: Lsn;
  /** Names the change. */
  readonly error: CaptureError;
}

/** Tables that are remembered as reported. A process that meets more starts over. */
const UNDESCRIBED_MAX = 1_000;

export class SessionMemory {
  readonly idleTimeout = new IdleTimeout();
  readonly counted = new CountedUpTo();
  readonly batchSize: BatchSize;
  readonly backoff: Backoff;
  /** Whether Kafka has accepted everything that delivery needs: login, rights, limits. */
  kafkaAccepted: boolean;
  /**
   * The next session stops before this transaction, delivers everything before it, and ends with its error.
   */
  refused: RefusedTransaction | undefined;
  readonly #undescribed = new Set<string>();

  /** @param random returns a number from 0 to 1, for the jitter of pauses */
  constructor(batchBytesMax: number, random: () => number, kafkaAccepted = false) {
    this.batchSize = new BatchSize(batchBytesMax);
    this.backoff = new Backoff(random);
    this.kafkaAccepted = kafkaAccepted;
  }

  /** Called after a delivery: earlier problems are over. */
  delivered(): void {
    this.backoff.reset();
    this.batchSize.delivered();
    this.idleTimeout.delivered();
  }

  /** Called when a session ended with this error. */
  failed({ kind }: CaptureError): void {
    if (kind === "postgres-silent") this.idleTimeout.exceeded();
    if (kind === "kafka-silent") this.batchSize.notAnswered();
  }

  /** @returns whether this is the first report about the table */
  reportUndescribed(table: TableName): boolean {
    const text = tableText(table);
    if (this.#undescribed.has(text)) return false;
    if (this.#undescribed.size >= UNDESCRIBED_MAX) this.#undescribed.clear();
    this.#undescribed.add(text);
    return true;
  }
}
