// How long to wait before the next attempt.

const FIRST_MS = 100;

/** Doubles from 100 ms, minus a random part of up to one half, so that many clients do not retry at once. */
export class Backoff {
  readonly #random: () => number;
  #tries = 0;

  /** @param random returns a number from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The pause before the next attempt, in milliseconds. @param pauseMsMax the limit of the error's policy */
  next(pauseMsMax: number): number {
    const pauseMs = Math.min(pauseMsMax, FIRST_MS * 2 ** Math.min(this.#tries++, 16));
    return Math.round(pauseMs * (1 - this.#random() / 2));
  }

  /** Something succeeded: the next pause is short again. */
  reset(): void {
    this.#tries = 0;
  }
}
