// Decides when to trust a keepalive's end of WAL, which is then saved and confirmed.

import { corrupt } from "../decoder/pgoutput/lsn_checks.ts";
import type { Lsn } from "../core/position.ts";

export interface WalEndGateParts {
  /** The slot's position when the stream began. Nothing that commits below it is sent. */
  readonly from: Lsn;
  /** Called with a trusted end: all transactions that commit below it were received. */
  readonly advance: (endLsn: Lsn) => void;
  /** Asks PostgreSQL for another keepalive. */
  readonly ask: () => void;
  /** Asks for the end of the server's WAL on the other connection. */
  readonly look: () => void;
  readonly now: () => number;
}

/**
 * A keepalive contains its end of WAL only once, so a flipped bit cannot be detected. It is trusted when a
 * later keepalive is not below it: ends of WAL only grow, so whichever of the two is wrong, everything below
 * the smaller one has come. An end above the one that the server reports on another connection is never
 * trusted.
 */
export class WalEndGate {
  readonly #parts: WalEndGateParts;
  /** The last end received. */
  #last: Lsn;
  /** The end that two keepalives have reached. */
  #agreed: Lsn;
  #advanced: Lsn;
  /** The end of the server's WAL; undefined while it cannot be read. */
  #serverEnd: Lsn | undefined;
  #askedAt = -Infinity;

  constructor(parts: WalEndGateParts) {
    this.#parts = parts;
    this.#last = this.#agreed = this.#advanced = parts.from;
  }

  /** Called for a keepalive between two transactions. @throws CaptureError `postgres-corrupt` */
  keepalive(walEnd: Lsn): void {
    // A walsender's first keepalives tell the slot's position, and the next ones where it decodes: it begins
    // at restart_lsn, which is lower (walsender.c, StartLogicalReplication and XLogSendLogical).
    const end = walEnd < this.#parts.from ? this.#parts.from : walEnd;
    if (end < this.#last) throw corrupt("a keepalive's end of WAL is below that of the one before");
    this.#agreed = this.#last;
    this.#last = end;
    if (end !== this.#agreed) this.#ask();
    this.#advance();
  }

  /** Called after the other connection read the end. @param serverEnd undefined if it could not */
  looked(serverEnd: Lsn | undefined): void {
    this.#serverEnd = serverEnd;
    // The next keepalive confirms an end that waited for this, or that was received too soon to ask about.
    if (this.#last > this.#advanced && !this.#isBeyondServer()) this.#parts.ask();
  }

  /** Called when another connection read that the server's WAL has reached this end. */
  reached(walEnd: Lsn): void {
    if (this.#serverEnd !== undefined && this.#serverEnd < walEnd) this.#serverEnd = walEnd;
  }

  /** Asks for another keepalive because rows wait for this end of WAL. */
  awaits(walEnd: Lsn): void {
    this.#advance();
    if (this.#advanced < walEnd) this.#parts.ask();
  }

  #advance(): void {
    if (this.#agreed <= this.#advanced) return;
    if (this.#isBeyondServer()) {
      this.#parts.look();
      return;
    }
    this.#advanced = this.#agreed;
    this.#parts.advance(this.#agreed);
  }

  #isBeyondServer(): boolean {
    return this.#serverEnd !== undefined && this.#agreed > this.#serverEnd;
  }

  #ask(): void {
    const now = this.#parts.now();
    if (now - this.#askedAt < ASK_MS_MIN) return;
    this.#askedAt = now;
    this.#parts.ask();
  }
}

/** While the WAL grows, each keepalive has a new end, and asking each time would never stop. */
const ASK_MS_MIN = 500;
