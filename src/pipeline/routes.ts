// The routes that were looked up, and the topics that Kafka rejected.

import type { RecordTarget } from "../decoder/change_decoder.ts";
import type { Route } from "./ports.ts";
import { TopicConflict } from "../core/topic_conflict.ts";

/** Asks Kafka once for each table, not for each change. */
export class Routes {
  readonly #routes = new Map<RecordTarget, Route>();
  readonly #conflicts = new Map<RecordTarget, TopicConflict>();
  readonly #lookUp: (target: RecordTarget, signal: AbortSignal) => Promise<Route>;

  constructor(lookUp: (target: RecordTarget, signal: AbortSignal) => Promise<Route>) {
    this.#lookUp = lookUp;
  }

  /** The route, if it was looked up before. */
  known(target: RecordTarget): Route | undefined {
    return this.#routes.get(target);
  }

  /** The route, or the reason why the target's topic cannot be used. */
  async of(target: RecordTarget, signal: AbortSignal): Promise<Route | TopicConflict> {
    const known = this.#routes.get(target) ?? this.#conflicts.get(target);
    if (known !== undefined) return known;
    try {
      const route = await this.#lookUp(target, signal);
      this.#routes.set(target, route);
      return route;
    } catch (error) {
      if (!(error instanceof TopicConflict)) throw error;
      this.#conflicts.set(target, error);
      return error;
    }
  }

  clear(): void {
    this.#routes.clear();
    this.#conflicts.clear();
  }
}
