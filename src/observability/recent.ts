// Recent history: the delivery rate of each second, and the latency of the last minute.

import { type HistogramReading, since } from "./histogram.ts";

/** Number of one-second rates that are kept. */
const LENGTH = 120;
const EVERY_MS = 1000;
const LATENCY_EVERY = 10;
const LATENCY_LENGTH = 6;

/** The counters to sample. */
interface Watched {
  /** Total number of delivered records. */
  readonly records: () => number;
  /** Latency of all delivered records. */
  readonly latency: () => HistogramReading;
}

/** Samples the counters each second. It does not keep the process alive. */
export class RecentHistory implements Disposable {
  readonly #watched: Watched;
  readonly #rates = new Float64Array(LENGTH);
  readonly #latencies: HistogramReading[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #samplesTaken = 0;
  #previous: number;
  #previousMs: number;

  /** @param nowMs a monotonic clock, in milliseconds */
  constructor(watched: Watched, nowMs: () => number) {
    this.#watched = watched;
    this.#previous = watched.records();
    this.#previousMs = nowMs();
    this.#timer = setInterval(() => this.#sample(nowMs()), EVERY_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Records per second, oldest first. */
  rates(): readonly number[] {
    const next = this.#samplesTaken % LENGTH;
    return [...this.#rates.subarray(next), ...this.#rates.subarray(0, next)];
  }

  /** Latency of the records delivered in about the last minute. */
  latency(): HistogramReading {
    const [earliest] = this.#latencies;
    return earliest === undefined ? this.#watched.latency() : since(earliest, this.#watched.latency());
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(atMs: number): void {
    const count = this.#watched.records();
    this.#rates[this.#samplesTaken % LENGTH] = (count - this.#previous) * 1000 /
      Math.max(1, atMs - this.#previousMs);
    this.#previous = count;
    this.#previousMs = atMs;
    if (this.#samplesTaken++ % LATENCY_EVERY !== 0) return;
    this.#latencies.push(this.#watched.latency());
    if (this.#latencies.length > LATENCY_LENGTH) this.#latencies.shift();
  }
}
