// How long to wait before the next try.

const FIRST_MS = 100;

/** Doubles from 100 ms on, each time with a random half taken off, so that many clients do not come at once. */
export class Backoff {
  readonly #random: () => number;
  #tries = 0;

  /** @param random gives a number from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The pause before the next try, in milliseconds. @param pauseMsMax as the error's policy says */
  next(pauseMsMax: number): number {
    const pauseMs = Math.min(pauseMsMax, FIRST_MS * 2 ** Math.min(this.#tries++, 16));
    return Math.round(pauseMs * (1 - this.#random() / 2));
  }

  /** Something worked: the next pause is a short one again. */
  reset(): void {
    this.#tries = 0;
  }
}
