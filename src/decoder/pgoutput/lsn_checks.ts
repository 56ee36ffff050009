// Checks the LSNs of the stream against each other: an LSN altered in transit contradicts the others.

import { CaptureError } from "../../core/errors.ts";
import { formatLsn, type Lsn, lsnOf } from "../../core/position.ts";
import type { MessageBytes } from "./message_bytes.ts";

/**
 * Transactions whose changes arrived out of the order of their LSNs. PostgreSQL sends them this way only for
 * a row whose index expressions themselves write to a table, so the first time counts as a transmission
 * error. The same order twice is not an error.
 */
export class KnownDisorder {
  readonly #commitLsns = new Set<Lsn>();

  has(commitLsn: Lsn): boolean {
    return this.#commitLsns.has(commitLsn);
  }

  add(commitLsn: Lsn): void {
    if (this.#commitLsns.size >= KNOWN_MAX) this.#commitLsns.clear();
    this.#commitLsns.add(commitLsn);
  }
}

const KNOWN_MAX = 1_000;

/**
 * The checks of one stream. Each throws a CaptureError `postgres-corrupt`, before anything of the message is
 * used.
 */
export class LsnChecks {
  readonly #disorder: KnownDisorder;
  #endLsn: Lsn = 0n;
  #commitLsn: Lsn = 0n;
  #commitHigh = 0;
  #commitLow = 0;
  #lastHigh = 0;
  #lastLow = 0;
  #isDisordered = false;

  constructor(disorder: KnownDisorder) {
    this.#disorder = disorder;
  }

  /** Checks the start of a transaction. It must commit after the end of everything before it. */
  begin(commitLsn: Lsn): void {
    this.#expectBehindEnd(commitLsn, "a transaction's commit");
    this.#commitLsn = commitLsn;
    this.#commitHigh = Number(commitLsn >> 32n);
    this.#commitLow = Number(commitLsn & 0xffff_ffffn);
    this.#lastHigh = this.#lastLow = 0;
    this.#isDisordered = false;
  }

  /**
   * Whether the transaction that ended was previously read with a wrong LSN, and so with wrong values of
   * `tx_seq`.
   */
  get wasMisread(): boolean {
    return !this.#isDisordered && this.#disorder.has(this.#commitLsn);
  }

  /** Checks a row change or TRUNCATE. It must be below its commit, and not below the previous change. */
  change(high: number, low: number): void {
    if (high > this.#commitHigh || high === this.#commitHigh && low >= this.#commitLow) {
      throw corrupt(
        `a change at ${formatLsn(lsnOf(high, low))} is not below its commit, ${formatLsn(this.#commitLsn)}`,
      );
    }
    this.#expectOrder(high, low);
  }

  /**
   * Checks a logical message. Its LSN, the end of its WAL record, is both in the message and in the XLogData
   * header.
   */
  logicalMessage(lsn: Lsn, transactional: boolean, message: MessageBytes): void {
    expectSame(lsn, message);
    if (!transactional) {
      this.#expectBehindEnd(lsn, "a logical message");
      return;
    }
    if (lsn > this.#commitLsn) {
      throw corrupt(
        `a logical message at ${formatLsn(lsn)} is beyond its commit, ${formatLsn(this.#commitLsn)}`,
      );
    }
    this.#expectOrder(message.walStartHigh, message.walStartLow);
  }

  /**
   * Checks the end of a transaction. It must be the one that began, and end after its commit record. The
   * header contains the end, too.
   */
  commit(commitLsn: Lsn, endLsn: Lsn, message: MessageBytes): void {
    if (commitLsn !== this.#commitLsn) {
      throw corrupt(
        `a transaction began with commit LSN ${formatLsn(this.#commitLsn)} and ended with ${
          formatLsn(commitLsn)
        }`,
      );
    }
    expectSame(endLsn, message);
    if (endLsn <= commitLsn) {
      throw corrupt(`a transaction ends at ${formatLsn(endLsn)}, its commit is at ${formatLsn(commitLsn)}`);
    }
    this.#endLsn = endLsn;
  }

  /** Records that, according to a keepalive, everything that commits below `endLsn` was sent. */
  ended(endLsn: Lsn): void {
    if (endLsn > this.#endLsn) this.#endLsn = endLsn;
  }

  #expectBehindEnd(lsn: Lsn, what: string): void {
    if (lsn >= this.#endLsn) return;
    throw corrupt(`${what} at ${formatLsn(lsn)} came after the end of WAL ${formatLsn(this.#endLsn)}`);
  }

  #expectOrder(high: number, low: number): void {
    const isBehind = high < this.#lastHigh || high === this.#lastHigh && low < this.#lastLow;
    if (isBehind) this.#expectKnownDisorder(high, low);
    this.#lastHigh = high;
    this.#lastLow = low;
  }

  #expectKnownDisorder(high: number, low: number): void {
    this.#isDisordered = true;
    if (this.#disorder.has(this.#commitLsn)) return;
    this.#disorder.add(this.#commitLsn);
    throw corrupt(
      `a change at ${formatLsn(lsnOf(high, low))} came after one at ${
        formatLsn(lsnOf(this.#lastHigh, this.#lastLow))
      }`,
    );
  }
}

function expectSame(lsn: Lsn, { walStartHigh, walStartLow }: MessageBytes): void {
  const header = lsnOf(walStartHigh, walStartLow);
  if (header === lsn) return;
  throw corrupt(`a message with LSN ${formatLsn(lsn)} has LSN ${formatLsn(header)} in its header`);
}

/** The error for an LSN that contradicts others. */
export function corrupt(found: string): CaptureError {
  return new CaptureError("postgres-corrupt", `Cannot trust the replication stream: ${found}`);
}
