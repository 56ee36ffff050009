// The checkpoint file in a simulation.

import { CaptureError } from "../../../src/core/errors.ts";
import type { Checkpoint, CheckpointStore } from "../../../src/pipeline/ports.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { SimulatedWorld } from "./simulated_world.ts";

export class SimulatedStore {
  readonly #world: SimulatedWorld;
  readonly #never = new AbortController().signal;
  saved: Checkpoint | null = null;
  /** Whether the last save was reported as failed. */
  hasFailed = false;

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  store(process: SimulatedProcess): CheckpointStore {
    return {
      load: async () => {
        await this.#world.latency(process, this.#never);
        if (this.#world.fault(0.03)) throw new CaptureError("checkpoint-unavailable", "Cannot read");
        return this.saved;
      },
      save: async (checkpoint) => {
        await this.#world.latency(process, this.#never);
        const isFailing = this.#world.fault(0.05);
        if (!isFailing || this.#world.random.chance(0.5)) this.saved = checkpoint;
        this.hasFailed = isFailing;
        if (isFailing) throw new CaptureError("checkpoint-unavailable", "Cannot write");
      },
      close: () => {},
    };
  }
}
