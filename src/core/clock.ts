// Time as a port: tests replace it with a simulated clock.

import { delay } from "./wait.ts";

export interface Clock {
  /** Milliseconds since an arbitrary moment. It never goes back. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Waits `ms`, or throws the signal's reason if it aborts first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: delay,
};
