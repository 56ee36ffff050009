// A clock that stands still until a test advances it.

import { setImmediate } from "node:timers";
import type { Clock } from "../../src/core/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** When it starts, in milliseconds since 1970. */
const WALL_MS = 1_700_000_000_000;

/** Deterministic as long as the tasks wait for nothing but promises and this clock. */
export class SimulatedClock implements Clock {
  #nowMs = 1_000;
  /** By time; of equal ones, the first to fall asleep comes first. */
  readonly #sleepers: Sleeper[] = [];

  readonly now = (): number => this.#nowMs;

  readonly wall = (): number => WALL_MS + this.#nowMs;

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      const at = this.#sleepers.indexOf(sleeper);
      if (at >= 0) this.#sleepers.splice(at, 1);
      reject(signal.reason);
    };
    const sleeper: Sleeper = {
      atMs: this.#nowMs + Math.max(0, ms),
      wake: () => {
        signal.removeEventListener("abort", abort);
        resolve();
      },
    };
    signal.addEventListener("abort", abort, { once: true });
    const after = this.#sleepers.findIndex(({ atMs }) => atMs > sleeper.atMs);
    this.#sleepers.splice(after < 0 ? this.#sleepers.length : after, 0, sleeper);
    return promise;
  };

  /** Lets all tasks run until each of them waits. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Advances by `ms`, and wakes who sleeps until then one after the other. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.settle();
    while ((this.#sleepers[0]?.atMs ?? Infinity) <= untilMs) await this.step();
    this.#nowMs = untilMs;
  }

  /** Advances to the next moment at which somebody wakes. @returns false if nobody sleeps */
  async step(): Promise<boolean> {
    const next = this.#sleepers.shift();
    if (next === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.wake();
    await this.settle();
    return true;
  }

  /** Advances until the condition holds. @throws Error if it does not within `msMax` */
  async until(condition: () => boolean, what: () => string, msMax = 120_000): Promise<void> {
    const untilMs = this.#nowMs + msMax;
    await this.settle();
    while (!condition()) {
      if (this.#nowMs > untilMs || !await this.step()) throw new Error(what());
    }
  }

  /** Advances until the promise settles, and returns it. */
  async run<Result>(promise: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await this.until(() => isSettled, () => "it does not end");
    return await promise;
  }
}
