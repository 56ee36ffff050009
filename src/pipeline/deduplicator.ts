// Knows what was delivered before the stream began, and whether the stream tells the same story of it.

import { CaptureError } from "../core/errors.ts";
import { formatLsn, type Lsn, type Position } from "../core/position.ts";
import { START_ANEW } from "./reconcile.ts";

/** Drops what is delivered already. Identities only grow: after the first change that is new, all are. */
export class Deduplicator {
  readonly #start: Position;
  #isDropping = true;
  /** The last delivered transaction, which has to come again, and has not yet. */
  #awaited: Position | null;

  /**
   * @param start all up to here is delivered
   * @param comesAgain whether PostgreSQL has to send the transaction at `start` again (reconcile.ts)
   */
  constructor(start: Position, comesAgain: boolean) {
    this.#start = start;
    this.#awaited = comesAgain ? start : null;
  }

  /** Whether the last delivered transaction has still to come again. */
  get isAwaiting(): boolean {
    return this.#awaited !== null;
  }

  /** Whether the change is delivered. */
  isDelivered(commitLsn: Lsn, seq: number): boolean {
    if (!this.#isDropping) return false;
    const { commitLsn: lastLsn, seq: lastSeq } = this.#start;
    this.#isDropping = commitLsn < lastLsn || commitLsn === lastLsn && seq <= lastSeq;
    return this.#isDropping;
  }

  /**
   * The transaction that ended was read before with a wrong LSN.
   * @throws CaptureError `position-conflict` where a part of it was delivered then: its numbers were wrong
   */
  misread(commitLsn: Lsn): void {
    if (commitLsn !== this.#start.commitLsn) return;
    throw new CaptureError(
      "position-conflict",
      `Cannot go on: a part of the transaction that commits at ${
        formatLsn(commitLsn)
      } was delivered with an LSN ` +
        "that had changed on its way from PostgreSQL",
      { hint: `encrypt the connection (PG_SSL_MODE=verify-full), and ${START_ANEW}` },
    );
  }

  /**
   * A transaction begins.
   * @throws CaptureError `position-conflict` where another one was delivered from its place in the WAL, or one below
   *   it that did not come again: the server's WAL is not the one that was read before
   */
  begin(commitLsn: Lsn, commitTimeMs: number): void {
    const awaited = this.#awaited;
    if (awaited === null || commitLsn < awaited.commitLsn) return;
    if (commitLsn > awaited.commitLsn) throw otherHistory(awaited, "none is there now");
    if (commitTimeMs !== awaited.commitTimeMs) {
      throw otherHistory(awaited, `one of ${new Date(commitTimeMs).toISOString()} is there now`);
    }
    this.#awaited = null;
  }

  /** All that commits below `endLsn` has come. @throws CaptureError as `begin` does */
  ended(endLsn: Lsn): void {
    const awaited = this.#awaited;
    if (awaited !== null && endLsn > awaited.commitLsn) throw otherHistory(awaited, "none is there now");
  }
}

function otherHistory({ commitLsn, commitTimeMs }: Position, found: string): CaptureError {
  return new CaptureError(
    "position-conflict",
    `Cannot resume: the transaction of ${new Date(commitTimeMs).toISOString()} that commits at ` +
      `${formatLsn(commitLsn)} was delivered, but ${found}: the server's data directory is an older copy ` +
      "whose WAL has gone on differently, or an LSN changed on its way from PostgreSQL",
    { hint: `correct downstream what was delivered and is not in this database, and ${START_ANEW}` },
  );
}
