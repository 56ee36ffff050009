// Notices that the other end says nothing.

/** Calls `onSilent` once, when nothing was heard for `ms`, unless it is disposed of before. */
export class AnswerTimer implements Disposable {
  readonly #ms: number;
  readonly #onSilent: (error: Error) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, onSilent: (error: Error) => void) {
    this.#ms = ms;
    this.#onSilent = onSilent;
    this.heard();
  }

  /** Something came: the time starts again. */
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
