// The progress of a capture: three LSNs and the invariant between them.

import { formatLsn, isAtLeast, type Lsn, type Position } from "../core/position.ts";

/**
 * Delivered, saved and confirmed are three LSNs. This class asserts that confirmed <= saved <= delivered
 * always holds and that each only grows.
 */
export class ProgressTracker {
  #delivered: Position;
  #saved: Position;
  #confirmed: Lsn;

  /** @param position what was delivered and saved when the stream started */
  constructor(position: Position) {
    this.#delivered = this.#saved = position;
    this.#confirmed = 0n;
  }

  get delivered(): Position {
    return this.#delivered;
  }

  get saved(): Position {
    return this.#saved;
  }

  get confirmed(): Lsn {
    return this.#confirmed;
  }

  /** The LSN that may be confirmed to PostgreSQL now. */
  get confirmable(): Lsn {
    return this.#saved.endLsn;
  }

  /** A Kafka transaction up to `position` is committed. */
  markDelivered(position: Position): void {
    assertForward("delivered", this.#delivered, position);
    this.#delivered = position;
  }

  /** The checkpoint store holds `position`. */
  markSaved(position: Position): void {
    assertForward("saved", this.#saved, position);
    assertForward("delivered is behind saved:", position, this.#delivered);
    this.#saved = position;
  }

  /** A status update with `lsn` was sent. */
  markConfirmed(lsn: Lsn): void {
    if (lsn < this.#confirmed || lsn > this.#saved.endLsn) {
      throw new Error(
        `confirmed would be ${formatLsn(lsn)}: it was ${formatLsn(this.#confirmed)}, saved is ${
          formatLsn(this.#saved.endLsn)
        }`,
      );
    }
    this.#confirmed = lsn;
  }
}

function assertForward(what: string, from: Position, to: Position): void {
  if (isAtLeast(to, from)) return;
  throw new Error(`${what} would go back from ${describe(from)} to ${describe(to)}`);
}

function describe(position: Position): string {
  return `${formatLsn(position.commitLsn)}#${position.seq} (end ${formatLsn(position.endLsn)})`;
}
