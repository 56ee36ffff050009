// The transactions that were streamed, and that no snapshot has shown as visible yet.

import type { Lsn } from "../../core/position.ts";
import type { Visibility } from "../../core/visibility.ts";
import { isOlder } from "../../core/xid.ts";

/** Far more than commit between two polls. */
const HELD_MAX = 1 << 18;

/**
 * A commit record is in the WAL before the commit is visible: by far, while a synchronous standby does not
 * answer. A transaction can have been streamed, and a SELECT that begins later does not see it.
 */
export class UnshownTransactions {
  #xids = new Uint32Array(1024);
  #commitLsns = new BigUint64Array(1024);
  /** Which snapshot has shown it, by its number; 0 for none. */
  #shownBy = new Uint32Array(1024);
  #count = 0;
  /** Those that were running when this session began: an earlier one may have streamed their commits. */
  readonly #suspects = new Map<number, number>();
  /** The newest of those for which there was no room: only a snapshot that sees everything up to it will do. */
  #forgotten: number | undefined;
  #isComplete: boolean;
  /** Snapshots so far. */
  #snapshots = 0;
  /** For each read that has no answer yet: how many snapshots there were when it began. */
  readonly #readings = new Set<{ readonly begunAt: number }>();

  /** @param isComplete whether every transaction that is not visible will be streamed in this session */
  constructor(isComplete: boolean) {
    this.#isComplete = isComplete;
  }

  /** Whether it knows enough to say which transactions a snapshot does not see. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether it knows of every transaction that is not visible and was streamed. */
  get knowsAll(): boolean {
    return this.#isComplete && this.#suspects.size === 0 && this.#forgotten === undefined;
  }

  /** The commit LSN of the first one; undefined if there is none. */
  get firstCommitLsn(): Lsn | undefined {
    for (let index = 0; index < this.#count; index++) {
      if (this.#shownBy[index] === 0) return this.#commitLsns[index];
    }
    return undefined;
  }

  /** A transaction is streamed. */
  add(xid: number, commitLsn: Lsn): void {
    if (this.#suspects.size > 0) this.#suspects.delete(xid);
    if (this.#count === this.#xids.length) this.#makeRoom();
    this.#xids[this.#count] = xid;
    this.#shownBy[this.#count] = 0;
    this.#commitLsns[this.#count++] = commitLsn;
  }

  /**
   * A read begins, which takes a snapshot. Until it is disposed of, what later snapshots show is remembered: the
   * answer may come after theirs.
   */
  reading(): Disposable {
    const reading = { begunAt: this.#snapshots };
    this.#readings.add(reading);
    return { [Symbol.dispose]: () => void this.#readings.delete(reading) };
  }

  /**
   * What this snapshot does not see may have been streamed in an earlier session. A snapshot names only transactions
   * that began before the last one that ended: one has to have begun and ended just before it.
   */
  suspect({ running }: Visibility): void {
    const streamed = new Set(this.#xids.subarray(0, this.#count));
    for (const xid of running) if (!streamed.has(xid)) this.#suspects.set(xid, 0);
    this.#isComplete = true;
  }

  /** A snapshot was taken: what it sees is visible. */
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
   * A transaction that was streamed, or may have been, and that the snapshot does not see.
   * @param upTo of those that commit later, none counts
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

  /** The server ended all of its sessions: what was committed is visible, or will be when it is back. */
  clear(): void {
    this.#count = 0;
    this.#suspects.clear();
    this.#forgotten = undefined;
  }

  /** All reads that have no answer yet began when there were so many snapshots, or more. */
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
