// Beside the stream: looks at the server's WAL, and at the tables that are to be captured.

import { CaptureError, errorPolicy } from "../errors.ts";
import type { CaptureParts } from "./capture_parts.ts";
import type { Lsn } from "./position.ts";
import type { SourceSession } from "./ports.ts";
import { delay } from "./wait.ts";

// So old is the lag that people are shown, at most.
const WATCH_MS = 2_000;
/** The tables are looked for at every second look. */
const LOOKS_A_PUBLICATION = 2;

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
  for (let look = 0; !signal.aborted; look++) {
    try {
      const wal = await session.readWal(signal);
      observer.walWatched(wal);
      lifecycle.walWatched(wal);
      const change = look % LOOKS_A_PUBLICATION === 0 ? await session.keepPublication(signal) : null;
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

/** While it streams: tells intake when composite types were altered. */
export async function watchTypes(
  session: SourceSession,
  intake: { typesChanged(asOf: Lsn): void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const asOf = await session.readTypesChange(signal);
      if (asOf !== null) intake.typesChanged(asOf);
    } catch (error) {
      // Tried again: the stream's own connection tells of a server that is away.
      if (!signal.aborted && !(error instanceof CaptureError)) throw error;
    }
    await delay(WATCH_MS, signal).catch(() => {});
  }
}
