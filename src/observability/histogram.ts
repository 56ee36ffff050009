// A histogram with fixed buckets, and quantiles from it.

/** The counts of a histogram at one moment. */
export interface HistogramReading {
  /** Upper bounds, ascending. One more bucket has no bound. */
  readonly bounds: readonly number[];
  /** Number of values in each bucket, not cumulative; one more entry than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Counts values in fixed buckets, without allocating. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds inclusive upper bounds, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number, times = 1): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]! += times;
    this.#sum += value * times;
  }

  read(): HistogramReading {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}

/** The quantile (0.99 for p99), interpolated within its bucket; null if nothing was counted. */
export function quantile({ bounds, counts }: HistogramReading, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [bucket, bound] of bounds.entries()) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && below + count >= share * total) {
      const lower = bucket === 0 ? 0 : bounds[bucket - 1]!;
      return lower + (bound - lower) * ((share * total - below) / count);
    }
    below += count;
  }
  return bounds.at(-1) ?? null;
}

/** The counts between two readings of one histogram. */
export function since(earlier: HistogramReading, later: HistogramReading): HistogramReading {
  return {
    bounds: later.bounds,
    counts: later.counts.map((count, bucket) => count - (earlier.counts[bucket] ?? 0)),
    sum: later.sum - earlier.sum,
  };
}
