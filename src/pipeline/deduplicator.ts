// Tracks the changes delivered before the stream began, and checks that the stream still matches them.

import { advice, setting, START_ANEW } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import { formatLsn, type Lsn, type Position } from "../core/position.ts";

/**
 * Drops changes that are delivered already. Identities only grow, so after the first new change, all changes
 * are new.
 */
export class Deduplicator {
  readonly #start: Position;
  #isDropping = true;
  /** The last delivered transaction, while PostgreSQL still has to send it again. */
  #awaited: Position | null;

  /**
   * @param start everything up to here is delivered
   * @param comesAgain whether PostgreSQL has to send the transaction at `start` again (reconcile.ts)
   */
  constructor(start: Position, comesAgain: boolean) {
    this.#start = start;
    this.#awaited = comesAgain ? start : null;
  }

  /** Whether PostgreSQL still has to send the last delivered transaction again. */
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
   * Called when the transaction that ended was read with a wrong LSN before.
   * @throws CaptureError `position-conflict` if part of it was then delivered with wrong numbers
   */
  misread(commitLsn: Lsn): void {
    if (commitLsn !== this.#start.commitLsn) return;
    throw new CaptureError(
      "position-conflict",
      `Cannot continue: a part of the transaction that commits at ${
        formatLsn(commitLsn)
      } was delivered with an LSN ` +
        "that was corrupted on the way from PostgreSQL",
      { hint: advice`encrypt the connection (${setting("pg.ssl_mode")}=verify-full), and ${START_ANEW}` },
    );
  }

  /**
   * Called when a transaction begins.
   * @throws CaptureError `position-conflict` if a different transaction was delivered from the same place in
   *   the WAL, or a delivered one before it was not sent again: then the server's WAL is not the one that was
   *   read before
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

  /** Called when everything that commits below `endLsn` was received. @throws CaptureError as `begin` does */
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
      "whose WAL has continued differently, or an LSN was corrupted on the way from PostgreSQL",
    { hint: advice`correct downstream what was delivered and is not in this database, and ${START_ANEW}` },
  );
}
