// Makes the same attempt with several parties, one after another, until one succeeds.

import { CaptureError } from "../core/errors.ts";
import { unlessAborted } from "../core/wait.ts";

/**
 * Returns the result of the first attempt that succeeds. The next one begins when an attempt fails, or when
 * none has ended for `nextMs`. Attempts that have begun continue.
 * @throws CaptureError if all of them fail with `kafka-unavailable` or `kafka-silent`. Any other error is
 * thrown at once
 */
export async function firstAnswer<Result>(
  attempts: readonly (() => Promise<Result>)[],
  nextMs: number,
  signal: AbortSignal,
): Promise<Result> {
  signal.throwIfAborted();
  const answer = Promise.withResolvers<Result>();
  const failures: CaptureError[] = [];
  const rest = attempts.values();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const beginNext = () => {
    clearTimeout(timer);
    const { value: attempt } = rest.next();
    if (isOver || attempt === undefined) return;
    timer = setTimeout(beginNext, nextMs);
    attempt().then(answer.resolve, (failure: unknown) => {
      if (!isUnavailable(failure)) return answer.reject(failure);
      failures.push(failure);
      if (failures.length === attempts.length) answer.reject(combined(failures));
      else beginNext();
    });
  };
  beginNext();
  try {
    return await unlessAborted(answer.promise, signal);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

function isUnavailable(failure: unknown): failure is CaptureError {
  return failure instanceof CaptureError &&
    (failure.kind === "kafka-unavailable" || failure.kind === "kafka-silent");
}

function combined(failures: readonly CaptureError[]): CaptureError {
  const silent = failures.find(({ kind }) => kind === "kafka-silent");
  const hint = failures.find((failure) => failure.hint !== undefined)?.hint;
  const message = failures.map((failure) => failure.message).join("; ");
  return new CaptureError(silent?.kind ?? "kafka-unavailable", message, hint === undefined ? {} : { hint });
}
