// Tracks streamed transactions that no snapshot has shown as visible yet.

import type { Lsn } from "../../core/position.ts";
import type { Visibility } from "../../core/visibility.ts";
import { isOlder } from "../../core/xid.ts";

/** Far more transactions than commit between two polls. */
const HELD_MAX = 1 << 18;

/**
 * PostgreSQL writes a commit record to the WAL before the commit becomes visible, and the gap is long while a
 * synchronous standby does not answer. So a SELECT can fail to see a transaction that was streamed before it
 * began.
 */
export class UnshownTransactions {
  #xids = new Uint32Array(1024);
  #commitLsns = new BigUint64Array(1024);
  /** The number of the first snapshot that showed each transaction; 0 if none did. */
  #shownBy = new Uint32Array(1024);
  #count = 0;
  /** Transactions running when this session began; an earlier session may have streamed their commits. */
  readonly #suspects = new Map<number, number>();
  /**
   * The newest transaction dropped for lack of room. Only a snapshot that sees everything up to it will do.
   */
  #forgotten: number | undefined;
  #isComplete: boolean;
  /** The number of snapshots so far. */
  #snapshots = 0;
  /** For each unanswered read, the number of snapshots when it began. */
  readonly #readings = new Set<{ readonly begunAt: number }>();

  /** @param isComplete whether this session will stream every transaction that is not visible yet */
  constructor(isComplete: boolean) {
    this.#isComplete = isComplete;
  }

  /** Whether enough is known to tell which transactions a snapshot does not see. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether all streamed transactions that are not visible are known individually. */
  get knowsAll(): boolean {
    return this.#isComplete && this.#suspects.size === 0 && this.#forgotten === undefined;
  }

  /** The commit LSN of the first transaction not shown yet; undefined if there is none. */
  get firstCommitLsn(): Lsn | undefined {
    for (let index = 0; index < this.#count; index++) {
      if (this.#shownBy[index] === 0) return this.#commitLsns[index];
    }
    return undefined;
  }

  /** Adds a streamed transaction. */
  add(xid: number, commitLsn: Lsn): void {
    if (this.#suspects.size > 0) this.#suspects.delete(xid);
    if (this.#count === this.#xids.length) this.#makeRoom();
    this.#xids[this.#count] = xid;
    this.#shownBy[this.#count] = 0;
    this.#commitLsns[this.#count++] = commitLsn;
  }

  /**
   * Marks the start of a read, which takes a snapshot. Until the result is disposed of, transactions shown by
   * later snapshots are kept, because the read may be answered after them.
   */
  reading(): Disposable {
    const reading = { begunAt: this.#snapshots };
    this.#readings.add(reading);
    return { [Symbol.dispose]: () => void this.#readings.delete(reading) };
  }

  /**
   * Suspects the transactions that this snapshot does not see of having been streamed in an earlier session.
   * A snapshot names only transactions that began before the last one that ended, so one must begin and end
   * just before it.
   */
  suspect({ running }: Visibility): void {
    const streamed = new Set(this.#xids.subarray(0, this.#count));
    for (const xid of running) if (!streamed.has(xid)) this.#suspects.set(xid, 0);
    this.#isComplete = true;
  }

  /** Records that the transactions seen by this snapshot are visible. */
  shown(visibility: Visibility): void {
    const number = ++this.#snapshots;
    const forgotten = this.#firstReading;
    let kept = 0;
    for (let index = 0; index < this.#count; index++) {
      const xid = this.#xids[index]!;
      let shownBy = this.#shownBy[index]!;
      if (shownBy === 0 && visibility.sees(xid)) shownBy = number;
      if (shownBy !== 0 && shownBy <= forgotten) continue;
      this.#xids[kept] = xid;
      this.#shownBy[kept] = shownBy;
      this.#commitLsns[kept++] = this.#commitLsns[index]!;
    }
    this.#count = kept;
    for (const [xid, before] of this.#suspects) {
      const shownBy = before === 0 && visibility.sees(xid) ? number : before;
      if (shownBy !== 0 && shownBy <= forgotten) this.#suspects.delete(xid);
      else this.#suspects.set(xid, shownBy);
    }
    const isShown = this.#forgotten === undefined || visibility.seesAllUpTo(this.#forgotten);
    if (isShown && this.#readings.size === 0) this.#forgotten = undefined;
  }

  /**
   * Finds a transaction that was streamed, or may have been, and that the snapshot does not see.
   * @param upTo transactions with a later commit LSN are ignored
   */
  unseenBy(visibility: Visibility, upTo: Lsn): number | undefined {
    for (const xid of this.#suspects.keys()) if (!visibility.sees(xid)) return xid;
    const forgotten = this.#forgotten;
    if (forgotten !== undefined && !visibility.seesAllUpTo(forgotten)) return forgotten;
    for (let index = 0; index < this.#count && this.#commitLsns[index]! <= upTo; index++) {
      const xid = this.#xids[index]!;
      if (!visibility.sees(xid)) return xid;
    }
    return undefined;
  }

  /** Forgets everything when the server ends all sessions: all commits are visible once it is back. */
  clear(): void {
    this.#count = 0;
    this.#suspects.clear();
    this.#forgotten = undefined;
  }

  /** The number of snapshots when the oldest unanswered read began. */
  get #firstReading(): number {
    let first = this.#snapshots;
    for (const { begunAt } of this.#readings) first = Math.min(first, begunAt);
    return first;
  }

  #newest(): number {
    let newest = this.#forgotten ?? this.#xids[0]!;
    for (let index = 0; index < this.#count; index++) {
      if (isOlder(newest, this.#xids[index]!)) newest = this.#xids[index]!;
    }
    return newest;
  }

  #makeRoom(): void {
    if (this.#count >= HELD_MAX) {
      this.#forgotten = this.#newest();
      this.#count = 0;
      return;
    }
    const xids = new Uint32Array(2 * this.#count);
    xids.set(this.#xids);
    this.#xids = xids;
    const shownBy = new Uint32Array(2 * this.#count);
    shownBy.set(this.#shownBy);
    this.#shownBy = shownBy;
    const commitLsns = new BigUint64Array(2 * this.#count);
    commitLsns.set(this.#commitLsns);
    this.#commitLsns = commitLsns;
  }
}
