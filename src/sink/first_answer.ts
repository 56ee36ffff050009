// Asks several parties the same thing, one after another, until one answers.

import { CaptureError } from "../core/errors.ts";
import { unlessAborted } from "../core/wait.ts";

/**
 * What the first attempt to succeed gives. The next one begins when one has failed, or when none has ended for
 * `nextMs`; those that were begun go on.
 * @throws CaptureError when all of them failed with `kafka-unavailable` or `kafka-silent`; at once what else one throws
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
      if (!isAbsence(failure)) return answer.reject(failure);
      failures.push(failure);
      if (failures.length === attempts.length) answer.reject(together(failures));
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

function isAbsence(failure: unknown): failure is CaptureError {
  return failure instanceof CaptureError &&
    (failure.kind === "kafka-unavailable" || failure.kind === "kafka-silent");
}

function together(failures: readonly CaptureError[]): CaptureError {
  const silent = failures.find(({ kind }) => kind === "kafka-silent");
  const hint = failures.find((failure) => failure.hint !== undefined)?.hint;
  const message = failures.map((failure) => failure.message).join("; ");
  return new CaptureError(silent?.kind ?? "kafka-unavailable", message, hint === undefined ? {} : { hint });
}
