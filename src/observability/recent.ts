// The last minutes: the rate of delivery second by second, and the latency of the last one.

import { type HistogramReading, since } from "./histogram.ts";

/** Seconds of rates that are kept. */
const LENGTH = 120;
const EVERY_MS = 1000;
const LATENCY_EVERY = 10;
const LATENCY_LENGTH = 6;

/** What is looked at. */
export interface Watched {
  /** Records delivered until now. */
  readonly records: () => number;
  /** Latency of all of them. */
  readonly latency: () => HistogramReading;
}

/** Takes a look each second; it does not keep the process alive. */
export class RecentHistory implements Disposable {
  readonly #watched: Watched;
  readonly #rates = new Float64Array(LENGTH);
  readonly #latencies: HistogramReading[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #samplesTaken = 0;
  #previous: number;
  #previousMs: number;

  /** @param nowMs milliseconds since any moment, never going back */
  constructor(watched: Watched, nowMs: () => number) {
    this.#watched = watched;
    this.#previous = watched.records();
    this.#previousMs = nowMs();
    this.#timer = setInterval(() => this.#sample(nowMs()), EVERY_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Records a second, oldest first. */
  rates(): readonly number[] {
    const next = this.#samplesTaken % LENGTH;
    return [...this.#rates.subarray(next), ...this.#rates.subarray(0, next)];
  }

  /** Of the records of the last minute or so. */
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
