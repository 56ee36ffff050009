// The outside of a simulation: its time, its chance, and how many faults it has.

import type { Lsn } from "../../../src/core/position.ts";
import { SimulatedClock } from "../simulated_clock.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { SimulatedProcess } from "./simulated_process.ts";

/** What the outside consists of. */
export class SimulatedWorld {
  readonly clock = new SimulatedClock();
  readonly random: SeededRandom;
  /** Without faults from now on. */
  isCalm = false;
  /** What happened, oldest first, for the report of a failing seed. */
  readonly history: string[] = [];
  readonly #violations: string[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** Whether a fault happens now. */
  fault(probability: number): boolean {
    return !this.isCalm && this.random.chance(probability);
  }

  log(text: string): void {
    this.history.push(`${Math.round(this.clock.now())} ms: ${text}`);
  }

  /** Something that must never happen has happened. */
  violate(rule: string): void {
    this.log(`VIOLATION ${rule}`);
    this.#violations.push(rule);
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  /** The time that an answer takes. */
  async latency(process: SimulatedProcess, signal: AbortSignal, msMax = 20): Promise<void> {
    await process.clock.sleep(this.random.between(0, msMax), signal);
  }
}

/** A row that a transaction inserts. */
export interface SimulatedRow {
  readonly id: number;
  /** 1 or 2: the relation's id. */
  readonly table: number;
}

export interface SimulatedTransaction {
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  readonly rows: readonly SimulatedRow[];
}
