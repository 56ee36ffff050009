// How long to wait between two attempts.

/** Pauses that double from `firstMs` up to `maxMs`, about `totalMs` in all. */
export function* exponentialBackoff(
  firstMs: number,
  maxMs: number,
  totalMs: number,
): Generator<number, void> {
  let pauseMs = firstMs;
  for (let left = totalMs; left > 0; left -= pauseMs) {
    yield pauseMs;
    pauseMs = Math.min(pauseMs * 2, maxMs);
  }
}

/**
 * Pauses of about `ms`, with jitter so that many clients do not ask at the same time, about `totalMs` in all.
 */
export function* jitteredPauses(ms: number, totalMs: number): Generator<number, void> {
  for (let left = totalMs; left > 0; left -= ms) yield ms * (0.75 + Math.random() / 2);
}
