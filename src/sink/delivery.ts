// The interface of the two delivery guarantees.

import type { RecordBatch } from "./record_batch.ts";

/** Delivers record batches. It must not be used after an error. */
export interface Delivery {
  /** Initializes the producer. @throws CaptureError */
  open(signal: AbortSignal): Promise<void>;
  /**
   * Sends record batches. With exactly-once delivery they become visible with the next `deliver`. Afterwards
   * the batches can only be cleared.
   * @throws CaptureError
   */
  send(batches: readonly RecordBatch[], signal: AbortSignal): Promise<void>;
  /**
   * Delivers record batches and those sent before, the notes, and with exactly-once delivery the progress
   * record. Afterwards the batches can only be cleared.
   * @param notes batches of the state topic: with exactly-once delivery they are in the same transaction,
   *   otherwise they are acknowledged after the record batches
   * @throws CaptureError
   */
  deliver(
    batches: readonly RecordBatch[],
    progress: RecordBatch,
    notes: readonly RecordBatch[],
    signal: AbortSignal,
  ): Promise<void>;
}
