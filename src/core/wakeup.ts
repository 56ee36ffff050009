// Lets one task wait until another one has changed something.

import type { Clock } from "./clock.ts";

/** Created once, because `abort` without a reason creates a DOMException with a stack trace. */
const WOKEN = Symbol("woken");

/**
 * Wakes the one waiting task. A call of `wake` while no task waits is kept, so that no change is missed.
 */
export class Wakeup {
  readonly #clock: Pick<Clock, "sleep">;
  #woken = false;
  #resolve: (() => void) | undefined;

  constructor(clock: Pick<Clock, "sleep">) {
    this.#clock = clock;
  }

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  /** Waits for `wake`, at most `ms`. Throws the signal's reason when it aborts. */
  async wait(signal: AbortSignal, ms?: number): Promise<void> {
    signal.throwIfAborted();
    if (!this.#woken) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const limit = ms === undefined ? undefined : new AbortController();
      const abort = () => reject(signal.reason);
      this.#resolve = resolve;
      signal.addEventListener("abort", abort, { once: true });
      if (limit !== undefined) this.#clock.sleep(ms!, limit.signal).then(resolve, () => {});
      try {
        await promise;
      } finally {
        limit?.abort(WOKEN);
        signal.removeEventListener("abort", abort);
        if (this.#resolve === resolve) this.#resolve = undefined;
      }
    }
    this.#woken = false;
  }
}
