// Runs tasks together: the first to fail stops the others.

/** Ends when its work is done, or throws; when the signal aborts, it throws the signal's reason. */
export type Task = (signal: AbortSignal) => Promise<void>;

/**
 * Runs all tasks until each has ended.
 * @throws the error of the first task that failed; the signal's reason when it aborts
 */
export async function runTogether(tasks: readonly Task[], signal: AbortSignal): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  let first: { readonly error: unknown } | undefined;
  await Promise.all(tasks.map(async (task) => {
    try {
      await task(either);
    } catch (error) {
      first ??= { error };
      failure.abort(error);
    }
  }));
  if (first !== undefined) throw first.error;
}
