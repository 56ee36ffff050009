// Watches what the slot makes PostgreSQL keep: how fast it grows, and when the slot would be lost.

import type { WalState } from "../pipeline/ports.ts";

/** What is known of the kept WAL. */
export interface WalForecast {
  /** Bytes of WAL that are kept for the slot; null where that is not known. */
  readonly keptBytes: number | null;
  /** By how much that grows; negative while it shrinks; null before there are two looks. */
  readonly growthBytesPerSecond: number | null;
  readonly status: WalState["status"];
  /** Bytes that may still be written; null: max_slot_wal_keep_size sets no bound. */
  readonly bytesLeft: number | null;
  /** Until the slot is invalidated, at the present rate; null in the first half minute, and while it is not on its way. */
  readonly secondsUntilLost: number | null;
}

/** How bad it is. `growing`: nothing bounds it, and the server's disk will be full some day. */
export type WalDanger = "none" | "growing" | "soon" | "now" | "lost";

/** Takes a look every few seconds; keeps those of the last minutes. */
export class WalGuard {
  readonly #samples: { readonly atMs: number; readonly wal: WalState }[] = [];
  #growingReportedBytes = GROWING_BYTES / 2;

  /** @param atMs milliseconds since any moment, never going back */
  take(wal: WalState, atMs: number): void {
    this.#samples.push({ atMs, wal });
    while (atMs - this.#samples[0]!.atMs > WINDOW_MS) this.#samples.shift();
  }

  /** The slot is another instance's, which watches it. */
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
    // What is left falls by what is kept more: of the two, the steadier number decides.
    const secondsUntilLost = this.#isSettled && bytesLeft !== null && growth !== null && growth > 0
      ? Math.max(0, bytesLeft) / growth
      : null;
    return { keptBytes, growthBytesPerSecond: growth, status, bytesLeft, secondsUntilLost };
  }

  /** How bad it is; `growing` once for each doubling of what is kept. */
  danger(): WalDanger {
    const { keptBytes, growthBytesPerSecond, status, bytesLeft, secondsUntilLost } = this.forecast;
    if (status === "lost") return "lost";
    if (status === "unreserved") return "now";
    if (secondsUntilLost !== null && secondsUntilLost < SOON_SECONDS) return "soon";
    if (bytesLeft !== null || keptBytes === null || (growthBytesPerSecond ?? 0) <= 0) return "none";
    if (keptBytes < 2 * this.#growingReportedBytes) return "none";
    this.#growingReportedBytes = keptBytes;
    return "growing";
  }

  /** Whether the looks span enough time to tell a trend from a burst. */
  get #isSettled(): boolean {
    return (this.#samples.at(-1)?.atMs ?? 0) - (this.#samples[0]?.atMs ?? 0) >= SETTLED_MS;
  }
}

// Long enough to see past one large transaction, short enough to notice within minutes.
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
