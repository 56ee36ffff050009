// The number of rows delivered per second, averaged over the last seconds.

/** The values that the rate is computed from. All times in milliseconds since 1970. */
export interface RowRateReading {
  readonly rows: number;
  /** The start of the current window. */
  readonly fromRows: number;
  readonly fromMs: number;
  /** The rate of the previous window; null in the first one. */
  readonly rate: number | null;
}

/** Computes the rate from the growing count of rows. */
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
    // The clock may have been set.
    const isUsable = elapsedMs > 0 && elapsedMs <= GAP_MS;
    this.#rate = isUsable ? (rows - this.#fromRows) * 1000 / elapsedMs : null;
    this.#fromRows = rows;
    this.#fromMs = atMs;
  }

  read(): RowRateReading {
    return { rows: this.#rows, fromRows: this.#fromRows, fromMs: this.#fromMs, rate: this.#rate };
  }
}

/** Rows per second as of `atMs`; falls towards 0 while no more arrive. */
export function rowsPerSecond({ rows, fromRows, fromMs, rate }: RowRateReading, atMs: number): number {
  const elapsedMs = Math.max(1000, atMs - fromMs);
  return rate === null || elapsedMs > 2 * WINDOW_MS ? (rows - fromRows) * 1000 / elapsedMs : rate;
}

const WINDOW_MS = 5_000;
/** After a pause this long, the rate starts over. */
const GAP_MS = 60_000;
