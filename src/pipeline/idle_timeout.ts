// How long PostgreSQL may be silent before the connection counts as lost.

const FIRST_MS = 25_000;
const MAX_MS = 30 * 60_000;

/**
 * Each status update asks PostgreSQL for a reply, so silence usually means a lost connection. But a walsender
 * is also silent while it skips a long transaction of which nothing is published. So the timeout doubles
 * whenever the stream is silent although the server still answers on another connection, and resets when
 * something is delivered.
 */
export class IdleTimeout {
  #ms = FIRST_MS;

  get ms(): number {
    return this.#ms;
  }

  /** Called when the stream was silent for longer. */
  exceeded(): void {
    this.#ms = Math.min(MAX_MS, this.#ms * 2);
  }

  /** Called when something from the stream was delivered. */
  delivered(): void {
    this.#ms = FIRST_MS;
  }
}
