// Detects a peer that has gone silent.

/** Calls `onSilent` once if nothing is received for `ms`, unless it is disposed of first. */
export class AnswerTimer implements Disposable {
  readonly #ms: number;
  readonly #onSilent: (error: Error) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, onSilent: (error: Error) => void) {
    this.#ms = ms;
    this.#onSilent = onSilent;
    this.heard();
  }

  /** Restarts the timer after something was received. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#onSilent(new Error(`no answer within ${this.#ms / 1000} s`)),
      this.#ms,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.heard = () => {};
  }
}
