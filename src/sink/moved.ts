// Abandons a request if the broker that it was sent to is no longer responsible.

import { CaptureError } from "../core/errors.ts";
import { delay, unlessAborted } from "../core/wait.ts";

/**
 * Waits for the request. If a broker freezes or its machine fails, the request would stay unanswered until it
 * times out, long after the cluster has elected another broker. So if the answer is late, this looks for an
 * election.
 * @param request ends when the signal aborts
 * @param findMove describes what has moved, or returns null
 * @throws CaptureError `kafka-unclear` if something has: the request may have been carried out, or still may
 * be
 */
export async function unlessMoved<Response>(
  request: Promise<Response>,
  findMove: (signal: AbortSignal) => Promise<string | null>,
  signal: AbortSignal,
  { firstMs, everyMs } = { firstMs: 1_000, everyMs: 200 },
): Promise<Response> {
  if (await isSettled(request, firstMs)) return await request;
  const answered = new AbortController();
  const limit = AbortSignal.any([signal, answered.signal]);
  const watch = async (): Promise<never> => {
    for (;; await delay(everyMs, limit)) {
      // Only the wait for it ends with the answer: a request that is abandoned while it is being written ends its
      // connection, which others use.
      const moved = await unlessAborted(findMove(signal), limit).catch((error) => {
        if (!(error instanceof CaptureError)) throw error;
        return null; // unknown: the request's own time limit applies
      });
      if (moved === null) continue;
      throw new CaptureError(
        "kafka-unclear",
        `Cannot tell what became of a request: ${moved} before the answer`,
      );
    }
  };
  try {
    return await Promise.race([request, watch()]);
  } finally {
    answered.abort();
  }
}

/** Whether the request ends within this time, one way or the other. Nearly every request does. */
async function isSettled(request: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(late.resolve, ms, false);
  const settled = () => true;
  try {
    return await Promise.race([request.then(settled, settled), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
