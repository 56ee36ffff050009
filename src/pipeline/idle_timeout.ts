// How long nothing may come from PostgreSQL before the connection counts as lost.

const FIRST_MS = 25_000;
const MAX_MS = 30 * 60_000;

/**
 * Each status update asks PostgreSQL for a reply, so silence usually means a lost connection. But a walsender
 * is also silent while it skips a long transaction of which nothing is published. So the timeout doubles each
 * time that the stream is silent while the server still answers on another connection, and resets when
 * something is delivered.
 */
export class IdleTimeout {
  #ms = FIRST_MS;

  get ms(): number {
    return this.#ms;
  }

  /** The stream was silent for longer. */
  exceeded(): void {
    this.#ms = Math.min(MAX_MS, this.#ms * 2);
  }

  /** Something from the stream was delivered. */
  delivered(): void {
    this.#ms = FIRST_MS;
  }
}
