// What the demo counts: messages, their rate, and how long they took.

/** Latencies and arrival times that are remembered, at most. */
const REMEMBERED_MAX = 1_000;
const RATE_WINDOW_MS = 10_000;

/** Counts messages. */
export class Tally {
  messages = 0;
  readonly #latenciesMs: number[] = [];
  readonly #arrivalsMs: number[] = [];

  count(nowMs: number, latencyMs: number | undefined): void {
    this.messages++;
    remember(this.#arrivalsMs, nowMs);
    if (latencyMs !== undefined) remember(this.#latenciesMs, latencyMs);
  }

  /** Messages a second, over the last 10 s. */
  rate(nowMs: number): number {
    return this.#arrivalsMs.filter((arrival) => arrival > nowMs - RATE_WINDOW_MS).length /
      (RATE_WINDOW_MS / 1000);
  }

  /** `delay: median 104 ms, p99 130 ms`, from commit to arrival; of the last 1,000. */
  latency(): string {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
    return sorted.length === 0 ? "delay: not known yet" : `delay: median ${at(0.5)} ms, p99 ${at(0.99)} ms`;
  }
}

function remember(list: number[], value: number): void {
  list.push(value);
  if (list.length > REMEMBERED_MAX) list.shift();
}
