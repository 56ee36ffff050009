// Gives a request up when the broker that it was sent to is not in charge any more.

import { CaptureError } from "../core/errors.ts";
import { delay } from "../core/wait.ts";

/**
 * What the request gives. A broker that froze, or whose machine is gone, leaves it without an answer until the
 * request times out, long after the cluster has elected another one: while it takes long, that is looked up.
 * @param findMove says what has moved, or null
 * @throws CaptureError `kafka-unclear` when something has: the request may have been carried out, or may be yet
 */
export async function unlessMoved<Response>(
  request: Promise<Response>,
  findMove: (signal: AbortSignal) => Promise<string | null>,
  signal: AbortSignal,
  { firstMs, everyMs } = { firstMs: 1_000, everyMs: 200 },
): Promise<Response> {
  const answered = new AbortController();
  const limit = AbortSignal.any([signal, answered.signal]);
  const watch = async (): Promise<never> => {
    for (let pauseMs = firstMs;; pauseMs = everyMs) {
      await delay(pauseMs, limit);
      const moved = await findMove(limit).catch((error) => {
        if (!(error instanceof CaptureError)) throw error;
        return null; // nobody knows: the request's own time limit counts
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
