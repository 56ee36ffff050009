// Up to where changes were counted: one that comes again in another session is counted no second time.

import type { Lsn } from "../core/position.ts";

/** Kept from session to session. Identities of changes only grow. */
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

  /** Called at a transaction's end. @returns whether it is the first time */
  isNewTransaction(commitLsn: Lsn): boolean {
    if (commitLsn <= this.#transaction) return false;
    this.#transaction = commitLsn;
    return true;
  }
}
