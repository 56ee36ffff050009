// Beside the stream: looks at the server's WAL, and at the tables that are to be captured.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { CaptureParts } from "./capture_parts.ts";
import type { Lsn } from "../core/position.ts";
import type { Sink, SourceSession } from "./ports.ts";
import { delay, Wakeup } from "../core/wait.ts";

// So old is the lag that people are shown, at most.
const WATCH_MS = 2_000;
// After a look that failed, the next ones come sooner, a few times.
const LOOK_AGAIN_MS = 500;
const SOON_TIMES = 4;
// A server that is up and takes no connections shuts down. What can be delivered by then was.
const SHUTDOWNS_SEEN = 2;
/** The tables are looked for at every second look. */
const LOOKS_A_PUBLICATION = 2;

/** Looks from the moment that the slot is held, while Kafka is away too: then the slot keeps more and more WAL. */
export class ServerWatch {
  readonly #session: SourceSession;
  readonly #parts: CaptureParts;
  readonly #wakeup = new Wakeup();
  #answeredAt = -Infinity;
  #onWalEnd: (end: Lsn | undefined) => void = () => {};

  constructor(session: SourceSession, parts: CaptureParts) {
    this.#session = session;
    this.#parts = parts;
  }

  /** When the server last answered a look, in milliseconds of `now`. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** Told at each look what the end of the server's WAL is; undefined when it could not be read. */
  onWalEnd(listener: (end: Lsn | undefined) => void): void {
    this.#onWalEnd = listener;
  }

  /** The next look is due. */
  lookSoon(): void {
    this.#wakeup.wake();
  }

  /**
   * Runs until the signal aborts.
   * @param isStreamRead whether a server that is away is noticed by the stream's own connection
   * @throws CaptureError where it is away and nobody else would notice; where it shuts down, and waits for the stream
   *   to confirm what Kafka does not take now
   */
  async run(isStreamRead: () => boolean, signal: AbortSignal): Promise<void> {
    let failures = 0;
    let shutdowns = 0;
    for (let look = 0; !signal.aborted; look++) {
      try {
        await this.#look(look, signal);
        failures = shutdowns = 0;
      } catch (error) {
        if (signal.aborted || !(error instanceof CaptureError)) continue;
        failures++;
        this.#onWalEnd(undefined);
        if (error.kind === "postgres-not-ready") shutdowns++;
        this.#bear(error, isStreamRead() && shutdowns < SHUTDOWNS_SEEN);
      }
      const isSoon = failures > 0 && failures <= SOON_TIMES;
      const waiting = isSoon ? delay(LOOK_AGAIN_MS, signal) : this.#wakeup.wait(signal, WATCH_MS);
      await waiting.catch(() => {});
    }
  }

  #bear(error: CaptureError, isBearable: boolean): void {
    if (errorPolicy(error.kind).action === "stop") this.#parts.lifecycle.publicationNotKept(error);
    else if (!isBearable) throw error;
  }

  /** A keepalive does not tell how much WAL the slot keeps. */
  async #look(look: number, signal: AbortSignal): Promise<void> {
    const { observer, lifecycle, now } = this.#parts;
    const wal = await this.#session.readWal(signal);
    this.#answeredAt = now();
    observer.walWatched(wal);
    lifecycle.walWatched(wal);
    this.#onWalEnd(wal.end);
    if (look % LOOKS_A_PUBLICATION !== 0) return;
    const change = await this.#session.managePublication(signal);
    if (change !== null) lifecycle.publicationKept(change);
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

/** Twice a minute and once more, so that added partitions are in use within a minute though one look fails. */
const ROUTES_MS = 20_000;

/** While it streams: looks for partitions that were added to topics, and tells intake. */
export async function watchRoutes(
  sink: Pick<Sink, "refreshRoutes">,
  intake: { partitionsAdded(): void },
  signal: AbortSignal,
  everyMs = ROUTES_MS,
): Promise<void> {
  while (!signal.aborted) {
    await delay(everyMs, signal).catch(() => {});
    try {
      if (!signal.aborted && await sink.refreshRoutes(signal)) intake.partitionsAdded();
    } catch (error) {
      // Tried again: delivery itself tells of a Kafka that is away.
      if (!signal.aborted && !(error instanceof CaptureError)) throw error;
    }
  }
}
