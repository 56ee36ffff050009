// Lets tasks do something one at a time, in the order in which they ask.

import { unlessAborted } from "./wait.ts";

export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Waits for its turn, which lasts until the result is disposed of. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<Disposable> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      // Those behind still have to wait for those before.
      before.then(resolve);
      throw error;
    }
    return { [Symbol.dispose]: resolve };
  }
}
