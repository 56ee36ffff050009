// Waiting for a time or for another task, always with a signal.

/** Waits `ms` milliseconds. @throws the signal's reason if it aborts first */
export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const waiting = Promise.withResolvers<void>();
  const timer = setTimeout(waiting.resolve, ms);
  const abort = () => waiting.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await waiting.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Waits for `promise`, which is not cancelled. @throws the signal's reason if it aborts first */
export function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: either, resolve, reject } = Promise.withResolvers<Value>();
  const abort = () => reject(signal.reason);
  promise.then(resolve, reject);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  return either.finally(() => signal.removeEventListener("abort", abort));
}
