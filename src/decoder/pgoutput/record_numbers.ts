// Numbers the records of a transaction by the positions of their changes in the WAL.

import type { Lsn } from "../../core/position.ts";

/**
 * `tx_seq`: the LSN of the change's WAL record as a number, or the previous number plus one if that is
 * greater. So it depends only on the WAL, and not on the catalog at the time of reading, on the published
 * tables, or on whether logical messages are requested.
 *
 * - PostgreSQL sends the changes of a transaction in the order of their LSNs (reorderbuffer.c,
 *   ReorderBufferIterTXNNext).
 * - The rows of a multi-row INSERT share one LSN. Each takes at least 8 bytes of the WAL record
 *   (heapam_xlog.h, xl_multi_insert_tuple) and one number, an UPDATE at least 24 bytes and two numbers. So
 *   numbers never reach those of the next WAL record.
 */
export class RecordNumbers {
  #baseHigh = 0;
  #last = 0;

  /** Begins the numbers of a transaction. */
  beginTransaction(commitLsn: Lsn): void {
    // JavaScript's numbers are exact up to 2^53. So beyond LSN 2^52, numbers count from a multiple of 2^52
    // that is below the whole transaction.
    this.#baseHigh = Math.max(0, Number(commitLsn >> 52n) - 1) * WINDOW_HIGH;
    this.#last = 0;
  }

  /**
   * Takes `count` consecutive numbers for the change at that LSN, given as two unsigned halves.
   * @returns the first of them, which is above all numbers taken before
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
