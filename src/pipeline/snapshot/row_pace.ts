// Limits the number of rows read per second, to spare a busy server.

import type { Clock } from "../../core/clock.ts";

/** A second's rows are read in at least this many chunks. */
const SHARE = 4;

export class RowPace {
  readonly #rowsPerSecond: number | undefined;
  readonly #clock: Clock;
  #nextAt = 0;

  /** @param rowsPerSecond undefined for no limit */
  constructor(rowsPerSecond: number | undefined, clock: Clock) {
    this.#rowsPerSecond = rowsPerSecond;
    this.#clock = clock;
  }

  /** Rows to read at once. */
  get rowsMax(): number {
    return this.#rowsPerSecond === undefined ? Infinity : Math.max(1, Math.ceil(this.#rowsPerSecond / SHARE));
  }

  /** Waits until the next rows may be read. */
  async rest(signal: AbortSignal): Promise<void> {
    const waitMs = this.#nextAt - this.#clock.now();
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }

  didRead(rows: number): void {
    if (this.#rowsPerSecond === undefined) return;
    const now = this.#clock.now();
    this.#nextAt = Math.max(this.#nextAt, now) + rows * 1000 / this.#rowsPerSecond;
  }
}
