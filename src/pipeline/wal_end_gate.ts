// Decides when the end of WAL of a keepalive is believed: once believed, it is saved and confirmed.

import { corrupt } from "../decoder/pgoutput/lsn_checks.ts";
import type { Lsn } from "../core/position.ts";

/** What the gate works with. */
export interface WalEndGateParts {
  /** The slot's own position, at which the stream began. */
  readonly streamsFrom: Lsn;
  /** Takes an end: all transactions that commit below it have come. */
  readonly advance: (endLsn: Lsn) => void;
  /** Asks PostgreSQL for another keepalive. */
  readonly ask: () => void;
  /** Asks for a look at the server's WAL on the other connection. */
  readonly look: () => void;
  readonly now: () => number;
}

/**
 * A keepalive's end of WAL stands there only once, so a flipped bit in it can't be seen. It is believed when a later
 * keepalive is not below it, since ends of WAL only grow: whichever of the two is wrong, all below the lesser one has
 * come. Above what the server itself calls the end of its WAL, on another connection, none is believed.
 *
 * A walsender begins to read below the slot's position, at its restart_lsn, and says so: its first keepalive names the
 * slot's position, the next ones may name less (walsender.c, StartLogicalReplication). These say nothing.
 */
export class WalEndGate {
  readonly #parts: WalEndGateParts;
  /** The greatest that came; each later one has to be as great, once one was beyond `streamsFrom`. */
  #last: Lsn;
  /** Two keepalives say at least this. */
  #agreed: Lsn;
  #advanced: Lsn;
  /** Of the server's WAL; undefined while it can't be asked. */
  #serverEnd: Lsn | undefined;
  #askedAt = -Infinity;

  constructor(parts: WalEndGateParts) {
    this.#parts = parts;
    this.#last = this.#agreed = this.#advanced = parts.streamsFrom;
  }

  /** A keepalive came between two transactions. @throws CaptureError `stream-corrupt` */
  keepalive(walEnd: Lsn): void {
    if (walEnd < this.#last) {
      if (this.#last === this.#parts.streamsFrom) return;
      throw corrupt("a keepalive's end of WAL is below that of the one before");
    }
    this.#agreed = this.#last;
    this.#last = walEnd;
    if (walEnd === this.#agreed) this.#askedAt = -Infinity;
    else this.#ask();
    this.#advance();
  }

  /** The other connection has looked. @param serverEnd undefined when it could not */
  looked(serverEnd: Lsn | undefined): void {
    this.#serverEnd = serverEnd;
    // What waited for it goes on with the next keepalive.
    if (this.#agreed > this.#advanced && !this.#isBeyondServer()) this.#parts.ask();
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

/** While the WAL grows, each keepalive has another end: asking each time would never stop. */
const ASK_MS_MIN = 500;
