// How long PostgreSQL may be silent before the link counts as dead.

const FIRST_MS = 25_000;
const MAX_MS = 30 * 60_000;

/**
 * Each status update asks PostgreSQL for an answer, so silence means a dead link; but PostgreSQL also is silent
 * while it skips a long transaction of which nothing is published. So each time that it is silent here and answers on
 * another connection, it is believed half as quickly, until something is delivered again: then whatever held it up is
 * behind.
 */
export class SilenceLimit {
  #ms = FIRST_MS;

  /** The longest silence that is no fault, in milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  /** It was silent for longer. */
  exceeded(): void {
    this.#ms = Math.min(MAX_MS, this.#ms * 2);
  }

  /** Something it sent was delivered. */
  delivered(): void {
    this.#ms = FIRST_MS;
  }
}
