// Watches the WAL that PostgreSQL retains for the slot: how fast it grows, and when the slot would be lost.

import type { WalState } from "../pipeline/ports.ts";

/** The retained WAL and its forecast. */
export interface WalForecast {
  /** Bytes of WAL retained for the slot; null if unknown. */
  readonly keptBytes: number | null;
  /** Its growth; negative while it shrinks; null before the second sample. */
  readonly growthBytesPerSecond: number | null;
  readonly status: WalState["status"];
  /** Bytes that can still be written; null if max_slot_wal_keep_size sets no limit. */
  readonly bytesLeft: number | null;
  /**
   * Time until the slot is invalidated at the current rate; null in the first 30 seconds, or if it is not
   * growing.
   */
  readonly secondsUntilLost: number | null;
}

/** The level of danger. `growing`: there is no limit, and the server's disk may fill up. */
export type WalDanger = "none" | "growing" | "soon" | "now" | "lost";

/** Keeps the samples of the last five minutes. */
export class WalGuard {
  readonly #samples: { readonly atMs: number; readonly wal: WalState }[] = [];
  #growingReportedBytes = GROWING_BYTES / 2;

  /** Adds a sample. @param atMs the time on a monotonic clock, in milliseconds */
  take(wal: WalState, atMs: number): void {
    this.#samples.push({ atMs, wal });
    while (atMs - this.#samples[0]!.atMs > WINDOW_MS) this.#samples.shift();
  }

  /** Drops the samples: another instance holds the slot and watches it. */
  forget(): void {
    this.#samples.length = 0;
  }

  get forecast(): WalForecast {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined) return UNKNOWN;
    const keptBytes = kept(last.wal);
    const { status, bytesLeft } = last.wal;
    const seconds = (last.atMs - first.atMs) / 1000;
    const before = kept(first.wal);
    const growth = seconds <= 0 || keptBytes === null || before === null
      ? null
      : (keptBytes - before) / seconds;
    // The remaining bytes shrink as the retained bytes grow. Growth is the steadier of the two.
    const secondsUntilLost = this.#isSettled && bytesLeft !== null && growth !== null && growth > 0
      ? Math.max(0, bytesLeft) / growth
      : null;
    return { keptBytes, growthBytesPerSecond: growth, status, bytesLeft, secondsUntilLost };
  }

  /** The current danger. Reports `growing` once for each doubling of the retained WAL. */
  danger(): WalDanger {
    const { keptBytes, growthBytesPerSecond, status, bytesLeft, secondsUntilLost } = this.forecast;
    this.#forgetOutage(keptBytes);
    if (status === "lost") return "lost";
    if (status === "unreserved") return "now";
    if (secondsUntilLost !== null && secondsUntilLost < SOON_SECONDS) return "soon";
    if (bytesLeft !== null || keptBytes === null || (growthBytesPerSecond ?? 0) <= 0) return "none";
    if (keptBytes < 2 * this.#growingReportedBytes) return "none";
    this.#growingReportedBytes = keptBytes;
    return "growing";
  }

  /** After an outage is over, the next one is reported from the start. */
  #forgetOutage(keptBytes: number | null): void {
    if (keptBytes === null || keptBytes >= this.#growingReportedBytes / 2) return;
    this.#growingReportedBytes = Math.max(GROWING_BYTES / 2, keptBytes);
  }

  /** Whether the samples span enough time to tell a trend from a burst. */
  get #isSettled(): boolean {
    return (this.#samples.at(-1)?.atMs ?? 0) - (this.#samples[0]?.atMs ?? 0) >= SETTLED_MS;
  }
}

// Long enough to outlast one large transaction, short enough to react within minutes.
const WINDOW_MS = 5 * 60_000;
const SETTLED_MS = 30_000;
const SOON_SECONDS = 3600;
const GROWING_BYTES = 2 ** 30;
const UNKNOWN: WalForecast = {
  keptBytes: null,
  growthBytesPerSecond: null,
  status: null,
  bytesLeft: null,
  secondsUntilLost: null,
};

function kept({ end, keptFrom }: WalState): number | null {
  if (keptFrom === null) return null;
  return end > keptFrom ? Number(end - keptFrom) : 0;
}
