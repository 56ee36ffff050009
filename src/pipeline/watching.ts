// Beside the stream: looks at the server's WAL, and at the tables that are to be captured.

import { CaptureError, errorPolicy } from "../errors.ts";
import type { CaptureParts } from "./capture_parts.ts";
import type { SourceSession } from "./ports.ts";
import { delay } from "./wait.ts";

// Half of the status line's interval.
const WATCH_MS = 5_000;

/**
 * Runs from the moment that the slot is held until the signal aborts, while Kafka is away too: that is when the
 * slot keeps more and more WAL. A keepalive does not tell how much.
 */
export async function watchServer(
  session: SourceSession,
  parts: CaptureParts,
  signal: AbortSignal,
): Promise<void> {
  const { observer, lifecycle } = parts;
  while (!signal.aborted) {
    try {
      const wal = await session.readWal(signal);
      observer.walWatched(wal);
      lifecycle.walWatched(wal);
      const change = await session.keepPublication(signal);
      if (change !== null) lifecycle.publicationKept(change);
      await delay(WATCH_MS, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof CaptureError)) continue;
      // Of a server that is away the stream's own connection tells.
      if (errorPolicy(error.kind).action === "stop") lifecycle.publicationNotKept(error);
      await delay(WATCH_MS, signal).catch(() => {});
    }
  }
}
