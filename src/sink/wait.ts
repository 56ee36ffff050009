// Waiting that a signal ends.

import { unlessAborted } from "../core/wait.ts";

/** Waits `ms` milliseconds. @throws the signal's reason, at once, when it aborts */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return unlessAborted(promise, signal).finally(() => clearTimeout(timer));
}

/** The pauses between tries: each twice as long as the one before, up to `maxMs`, about `totalMs` together. */
export function* growingPauses(firstMs: number, maxMs: number, totalMs: number): Generator<number, void> {
  let pauseMs = firstMs;
  for (let left = totalMs; left > 0; left -= pauseMs) {
    yield pauseMs;
    pauseMs = Math.min(pauseMs * 2, maxMs);
  }
}

/** Pauses of about `ms`, with a random part so that many clients do not ask at once, about `totalMs` together. */
export function* evenPauses(ms: number, totalMs: number): Generator<number, void> {
  for (let left = totalMs; left > 0; left -= ms) yield ms * (0.75 + Math.random() / 2);
}
