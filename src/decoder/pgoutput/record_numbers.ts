// Numbers the records of a transaction by where their changes are in the WAL.

import type { Lsn } from "../../core/position.ts";

/**
 * `tx_seq`: the LSN of the change's WAL record as a number, or one more than the number before where that is
 * greater. So it depends on the WAL alone: not on the catalog of the time of reading, nor on which tables are
 * published, nor on whether logical messages are asked for.
 *
 * - The changes of a transaction come in the order of their LSNs (reorderbuffer.c, ReorderBufferIterTXNNext).
 * - The rows of a multi-row INSERT share one LSN. Each takes at least 8 bytes of the WAL record
 *   (heapam_xlog.h, xl_multi_insert_tuple), an UPDATE at least 24: numbers never reach those of the next record.
 */
export class RecordNumbers {
  #baseHigh = 0;
  #last = 0;

  /** Starts a transaction's numbers. */
  beginTransaction(commitLsn: Lsn): void {
    // Numbers are exact up to 2^53. Beyond 2^52 they count from a multiple of 2^52 below the whole transaction.
    this.#baseHigh = Math.max(0, Number(commitLsn >> 52n) - 1) * WINDOW_HIGH;
    this.#last = 0;
  }

  /**
   * Takes `count` numbers in a row for the change at that LSN, given as two unsigned halves.
   * @returns the first of them; above all that were taken before
   */
  take(high: number, low: number, count: number): number {
    const place = (high - this.#baseHigh) * 4_294_967_296 + low;
    const first = place > this.#last ? place : this.#last + 1;
    this.#last = first + count - 1;
    return first;
  }
}

/** The upper half of 2^52. */
const WINDOW_HIGH = 2 ** 20;
