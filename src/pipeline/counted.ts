// Tracks the last change counted by the metrics, so that a change received again in another session is not
// counted twice.

import type { Lsn } from "../core/position.ts";

/** Survives sessions. Relies on identities of changes that only grow. */
export class CountedUpTo {
  #commitLsn: Lsn = 0n;
  #seq = 0;
  #transaction: Lsn = 0n;

  /** Whether the change was counted. */
  includes(commitLsn: Lsn, seq: number): boolean {
    return commitLsn < this.#commitLsn || commitLsn === this.#commitLsn && seq <= this.#seq;
  }

  /** All changes up to this one are counted. */
  advance(commitLsn: Lsn, seq: number): void {
    if (this.includes(commitLsn, seq)) return;
    this.#commitLsn = commitLsn;
    this.#seq = seq;
  }

  /** Called at a transaction's end. @returns false if it was called for the transaction before */
  isNewTransaction(commitLsn: Lsn): boolean {
    if (commitLsn <= this.#transaction) return false;
    this.#transaction = commitLsn;
    return true;
  }
}
