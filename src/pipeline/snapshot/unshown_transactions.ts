// The transactions that were streamed, and that no snapshot has shown as visible yet.

import type { Lsn } from "../../core/position.ts";
import type { Visibility } from "../../core/visibility.ts";

/** Far more than commit between two polls. */
const HELD_MAX = 1 << 18;

/**
 * A commit record is in the WAL before the commit is visible: by far, while a synchronous standby does not
 * answer. A transaction can have been streamed, and a SELECT that begins later does not see it.
 */
export class UnshownTransactions {
  #xids = new Uint32Array(1024);
  #commitLsns = new BigUint64Array(1024);
  #count = 0;
  /** Those that were running when this session began: an earlier one may have streamed their commits. */
  #suspects: Set<number> = new Set();
  /** There was no room for all; then only a snapshot that sees everything that was running will do. */
  #hasOverflown = false;
  #isComplete: boolean;

  /** @param isComplete whether every transaction that is not visible will be streamed in this session */
  constructor(isComplete: boolean) {
    this.#isComplete = isComplete;
  }

  /** Whether it knows enough to say which transactions a snapshot does not see. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** A transaction is streamed. */
  add(xid: number, commitLsn: Lsn): void {
    if (this.#suspects.size > 0) this.#suspects.delete(xid);
    if (this.#count === this.#xids.length) this.#makeRoom();
    this.#xids[this.#count] = xid;
    this.#commitLsns[this.#count++] = commitLsn;
  }

  /** A snapshot was taken: what it sees is visible. */
  shown(visibility: Visibility): void {
    if (!this.#isComplete) this.#suspect(visibility.running);
    let kept = 0;
    for (let index = 0; index < this.#count; index++) {
      if (visibility.sees(this.#xids[index]!)) continue;
      this.#xids[kept] = this.#xids[index]!;
      this.#commitLsns[kept++] = this.#commitLsns[index]!;
    }
    this.#count = kept;
    for (const xid of this.#suspects) if (visibility.sees(xid)) this.#suspects.delete(xid);
    if (visibility.running.size === 0) this.#hasOverflown = false;
  }

  /**
   * A transaction that was streamed, or may have been, and that the snapshot does not see.
   * @param upTo of those that commit later, none counts
   */
  unseenBy(visibility: Visibility, upTo: Lsn): number | undefined {
    for (const xid of this.#suspects) if (!visibility.sees(xid)) return xid;
    if (this.#hasOverflown) { for (const xid of visibility.running) return xid; }
    for (let index = 0; index < this.#count && this.#commitLsns[index]! <= upTo; index++) {
      const xid = this.#xids[index]!;
      if (!visibility.sees(xid)) return xid;
    }
    return undefined;
  }

  /** The commit LSN of the first one; undefined if there is none. */
  get firstCommitLsn(): Lsn | undefined {
    return this.#count === 0 ? undefined : this.#commitLsns[0];
  }

  /** The server ended all of its sessions: what was committed is visible, or will be when it is back. */
  clear(): void {
    this.#count = 0;
    this.#suspects.clear();
    this.#hasOverflown = false;
  }

  #suspect(running: ReadonlySet<number>): void {
    this.#suspects = running.difference(new Set(this.#xids.subarray(0, this.#count)));
    this.#isComplete = true;
  }

  #makeRoom(): void {
    if (this.#count >= HELD_MAX) {
      this.#hasOverflown = true;
      this.#count = 0;
      return;
    }
    const xids = new Uint32Array(2 * this.#count);
    xids.set(this.#xids);
    this.#xids = xids;
    const commitLsns = new BigUint64Array(2 * this.#count);
    commitLsns.set(this.#commitLsns);
    this.#commitLsns = commitLsns;
  }
}
