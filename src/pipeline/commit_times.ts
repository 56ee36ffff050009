// The commit times of the records in a batch, and how many records have each: the latency metric needs them.

/**
 * The number of distinct milliseconds counted separately; further ones in a backlog are counted at their
 * mean.
 */
const TIMES_MAX = 256;

/** Counts records by commit time. Reused for each batch; a record costs a comparison. */
export class CommitTimes {
  readonly #times = new Float64Array(TIMES_MAX);
  readonly #counts = new Uint32Array(TIMES_MAX);
  #length = 0;

  /** @param timeMs in milliseconds since 1970 */
  add(timeMs: number, records = 1): void {
    const last = this.#length - 1;
    if (last >= 0 && (this.#times[last] === timeMs || this.#length === TIMES_MAX)) {
      const count = this.#counts[last]! += records;
      this.#times[last]! += (timeMs - this.#times[last]!) * records / count;
      return;
    }
    this.#times[this.#length] = timeMs;
    this.#counts[this.#length++] = records;
  }

  /** Calls `visit` for each commit time, in the order of their first records. */
  forEach(visit: (timeMs: number, records: number) => void): void {
    for (let index = 0; index < this.#length; index++) visit(this.#times[index]!, this.#counts[index]!);
  }

  clear(): void {
    this.#length = 0;
  }
}
