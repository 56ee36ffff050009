// Polls the server's WAL, the publication, altered types and added partitions while the stream runs.

import type { Clock } from "../core/clock.ts";
import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { Lsn } from "../core/position.ts";
import type { Visibility } from "../core/visibility.ts";
import { Wakeup } from "../core/wakeup.ts";
import type { CaptureParts } from "./capture_parts.ts";
import type { Sink, SourceSession, WalState } from "./ports.ts";

/** The lag in the metrics is at most this old. */
const WATCH_MS = 2_000;
/** After a failure the next few polls follow sooner. */
const RETRY_MS = 500;
const RETRIES_MAX = 4;
/**
 * A running server that rejects connections is shutting down. By the second rejection, everything that could
 * be delivered has been.
 */
const SHUTDOWNS_SEEN = 2;
/** Each poll may find that the WAL has grown, and ask for the next poll. */
const BETWEEN_POLLS_MS = 500;
const PUBLICATION_MS = 4_000;
/** So that added partitions are in use within a minute even if one poll fails. */
const ROUTES_MS = 20_000;

/** Polls while the slot is held, also while Kafka is unreachable: then the slot retains more and more WAL. */
export class ServerWatch {
  readonly #session: SourceSession;
  readonly #parts: CaptureParts;
  readonly #wakeup: Wakeup;
  #answeredAt = -Infinity;
  #publicationReadAt = -Infinity;
  #onWalEnd: (end: Lsn | undefined) => void = () => {};
  #isWalShort = false;
  #onVisibility: (visibility: Visibility | "all") => void = () => {};

  constructor(session: SourceSession, parts: CaptureParts) {
    this.#session = session;
    this.#parts = parts;
    this.#wakeup = new Wakeup(parts.clock);
  }

  /** When the server last answered, in milliseconds of the clock's `now`. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /**
   * Calls the listener after each poll with the end of the server's WAL; with undefined if it could not be
   * read.
   */
  onWalEnd(listener: (end: Lsn | undefined) => void): void {
    this.#onWalEnd = listener;
  }

  /**
   * Whether, as of the last poll, the slot retains more WAL than can still be written before the slot may be
   * lost.
   */
  get isWalShort(): boolean {
    return this.#isWalShort;
  }

  /**
   * Calls the listener after each poll with the transactions that are visible; with "all" when the server
   * shuts down and has ended its sessions.
   */
  onVisibility(listener: (visibility: Visibility | "all") => void): void {
    this.#onVisibility = listener;
  }

  /** Reads which transactions are visible, without waiting for the next poll. */
  async look(signal: AbortSignal): Promise<void> {
    const { visibility } = await this.#session.readWal(signal);
    if (visibility !== null) this.#onVisibility(visibility);
  }

  /** Polls soon: half a second after the last poll at the earliest. */
  lookSoon(): void {
    this.#wakeup.wake();
  }

  /**
   * Runs until the signal aborts.
   * @param isStreamRead whether the stream's own connection notices that the server is unreachable
   * @throws CaptureError if the server is unreachable and nothing else would notice, or if it is shutting
   *   down and waits for the stream to confirm what Kafka does not accept now
   */
  async run(isStreamRead: () => boolean, signal: AbortSignal): Promise<void> {
    let failures = 0;
    let shutdowns = 0;
    while (!signal.aborted) {
      try {
        await this.#poll(signal);
        failures = shutdowns = 0;
      } catch (error) {
        if (signal.aborted || !(error instanceof CaptureError)) continue;
        failures++;
        if (error.kind === "postgres-not-ready") {
          shutdowns++;
          this.#onVisibility("all");
        }
        this.#tolerate(error, isStreamRead() && shutdowns < SHUTDOWNS_SEEN);
      }
      await this.#pause(failures > 0 && failures <= RETRIES_MAX, signal).catch(() => {});
    }
  }

  async #pause(isSoon: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    if (isSoon) return await clock.sleep(RETRY_MS, signal);
    await clock.sleep(BETWEEN_POLLS_MS, signal);
    await this.#wakeup.wait(signal, WATCH_MS - BETWEEN_POLLS_MS);
  }

  #tolerate(error: CaptureError, isNoticedElsewhere: boolean): void {
    if (errorPolicy(error.kind).action === "stop") this.#parts.events.publicationNotKept(error);
    else if (!isNoticedElsewhere) throw error;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { events, clock } = this.#parts;
    const wal = await this.#session.readWal(signal).catch((error) => {
      this.#onWalEnd(undefined);
      throw error;
    });
    this.#answeredAt = clock.now();
    events.walWatched(wal);
    this.#isWalShort = isShort(wal);
    this.#onWalEnd(wal.end);
    if (wal.visibility !== null) this.#onVisibility(wal.visibility);
    if (clock.now() - this.#publicationReadAt < PUBLICATION_MS) return;
    this.#publicationReadAt = clock.now();
    const change = await this.#session.managePublication(signal);
    if (change !== null) events.publicationKept(change);
  }
}

function isShort({ end, keptFrom, status, bytesLeft }: WalState): boolean {
  if (status === "unreserved") return true;
  return bytesLeft !== null && keptFrom !== null && BigInt(Math.max(0, bytesLeft)) < end - keptFrom;
}

/** While it streams: tells intake when composite types were altered. */
export async function watchTypes(
  session: SourceSession,
  intake: { typesChanged(asOf: Lsn): void },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const asOf = await session.readTypesChange(signal);
      if (asOf !== null) intake.typesChanged(asOf);
    } catch (error) {
      // The next poll tries again; the stream's own connection notices a server that is unreachable.
      if (!signal.aborted && !(error instanceof CaptureError)) throw error;
    }
    await clock.sleep(WATCH_MS, signal).catch(() => {});
  }
}

/** While it streams: looks for partitions that were added to topics, and tells intake. */
export async function watchRoutes(
  sink: Pick<Sink, "refreshRoutes">,
  intake: { partitionsAdded(): void },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ROUTES_MS, signal).catch(() => {});
    try {
      if (!signal.aborted && await sink.refreshRoutes(signal)) intake.partitionsAdded();
    } catch (error) {
      // The next poll tries again; delivery notices a Kafka that is unreachable.
      if (!signal.aborted && !(error instanceof CaptureError)) throw error;
    }
  }
}
