// What the two ways to deliver have in common.

import type { RecordBatch } from "./record_batch.ts";

/** One way to deliver. After an error it is never used again. */
export interface Delivery {
  /** Gets a producer id where it needs one. @throws CaptureError */
  open(signal: AbortSignal): Promise<void>;
  /**
   * Sends record batches that the next `deliver` makes visible, where delivery is exactly-once; else delivers them.
   * The batches can only be cleared afterwards.
   * @throws CaptureError
   */
  send(batches: readonly RecordBatch[], signal: AbortSignal): Promise<void>;
  /**
   * Delivers record batches, what was sent before them, and the progress record where delivery is exactly-once. The
   * batches can only be cleared afterwards.
   * @throws CaptureError
   */
  deliver(batches: readonly RecordBatch[], progress: RecordBatch, signal: AbortSignal): Promise<void>;
}
