// Holds the LSNs of the stream against one another: one that changed on the way contradicts the others.

import { CaptureError } from "../../core/errors.ts";
import { formatLsn, type Lsn, lsnOf } from "../../core/position.ts";
import type { MessageBytes } from "./message_bytes.ts";

/**
 * Transactions in which changes were seen out of the order of their LSNs. PostgreSQL never sends them so, but for a
 * row whose index expressions write to a table themselves: what comes the same way twice is no transmission error.
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

/** The checks of one stream. Each throws a CaptureError `stream-corrupt`; nothing of that message was used then. */
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

  /** A transaction begins: it commits behind all that ended before. */
  begin(commitLsn: Lsn): void {
    this.#expectBehindEnd(commitLsn, "a transaction's commit");
    this.#commitLsn = commitLsn;
    this.#commitHigh = Number(commitLsn >> 32n);
    this.#commitLow = Number(commitLsn & 0xffff_ffffn);
    this.#lastHigh = this.#lastLow = 0;
    this.#isDisordered = false;
  }

  /** Whether the transaction that ended was read before with an LSN that it does not have: its numbers were wrong. */
  get wasMisread(): boolean {
    return !this.#isDisordered && this.#disorder.has(this.#commitLsn);
  }

  /** A row change or TRUNCATE: below its commit, and not below the change before it. */
  change(high: number, low: number): void {
    if (high > this.#commitHigh || high === this.#commitHigh && low >= this.#commitLow) {
      throw corrupt(
        `a change at ${formatLsn(lsnOf(high, low))} is not below its commit, ${formatLsn(this.#commitLsn)}`,
      );
    }
    this.#expectOrder(high, low);
  }

  /** A logical message: its LSN, the end of its WAL record, is in the header and in the message. */
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

  /** A transaction ends: as the one that began, and beyond its commit record. The header has the end, too. */
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

  /** All that commits below `endLsn` has come, as a keepalive said. */
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

/** An LSN that can't be. */
export function corrupt(found: string): CaptureError {
  return new CaptureError("stream-corrupt", `Cannot trust the replication stream: ${found}`);
}
