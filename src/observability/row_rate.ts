// How many rows a second are delivered, over the last seconds.

/** What the rate is computed from. All times in milliseconds since 1970. */
export interface RowRateReading {
  readonly rows: number;
  /** Where the current window began. */
  readonly fromRows: number;
  readonly fromMs: number;
  /** Rate of the window before; null in the first one. */
  readonly rate: number | null;
}

/** Takes the count of rows as it grows. */
export class RowRate {
  #rows: number;
  #fromRows: number;
  #fromMs: number;
  #rate: number | null = null;

  constructor(rows: number, atMs: number) {
    this.#rows = this.#fromRows = rows;
    this.#fromMs = atMs;
  }

  take(rows: number, atMs: number): void {
    this.#rows = rows;
    const elapsedMs = atMs - this.#fromMs;
    if (elapsedMs >= 0 && elapsedMs < WINDOW_MS) return;
    // The clock may be set.
    const isUsable = elapsedMs > 0 && elapsedMs <= GAP_MS;
    this.#rate = isUsable ? (rows - this.#fromRows) * 1000 / elapsedMs : null;
    this.#fromRows = rows;
    this.#fromMs = atMs;
  }

  read(): RowRateReading {
    return { rows: this.#rows, fromRows: this.#fromRows, fromMs: this.#fromMs, rate: this.#rate };
  }
}

/** Rows a second as of `atMs`; falls towards 0 while no more come. */
export function rowsPerSecond({ rows, fromRows, fromMs, rate }: RowRateReading, atMs: number): number {
  const elapsedMs = Math.max(1000, atMs - fromMs);
  return rate === null || elapsedMs > 2 * WINDOW_MS ? (rows - fromRows) * 1000 / elapsedMs : rate;
}

const WINDOW_MS = 5_000;
/** After such a pause, the rate is that of what follows. */
const GAP_MS = 60_000;
