// A process of pg-capture in a simulation: it can die at any moment, as by SIGKILL.

import type { Clock } from "../../../src/core/clock.ts";

const NEVER: Promise<never> = new Promise(() => {});

/** Once dead, nothing that it waits for ever comes: its tasks stand still. */
export class SimulatedProcess {
  readonly clock: Clock;
  #isDead = false;
  readonly #onDeath: (() => void)[] = [];

  constructor(clock: Clock) {
    this.clock = {
      now: clock.now,
      wall: clock.wall,
      sleep: async (ms, signal) => {
        if (this.#isDead) await NEVER;
        try {
          await clock.sleep(ms, signal);
        } finally {
          if (this.#isDead) await NEVER;
        }
      },
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Called at its death, for what the outside sees of it: connections that end, requests in flight. */
  onDeath(act: () => void): void {
    this.#onDeath.push(act);
  }

  die(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    for (const act of this.#onDeath) act();
  }
}
