// Caches the routes looked up and the topics that Kafka rejected.

import type { RecordTarget } from "../decoder/change_decoder.ts";
import type { Route } from "./ports.ts";
import { TopicConflict } from "../core/topic_conflict.ts";

/** A relation id, because the decoder may return another object for the same table. */
type RouteKey = number | "message";

/** Asks Kafka once for each table, not for each change. */
export class Routes {
  readonly #routes = new Map<RouteKey, Route>();
  readonly #conflicts = new Map<RouteKey, TopicConflict>();
  readonly #lookUp: (target: RecordTarget, signal: AbortSignal) => Promise<Route>;

  constructor(lookUp: (target: RecordTarget, signal: AbortSignal) => Promise<Route>) {
    this.#lookUp = lookUp;
  }

  /** The route, if it was looked up before. */
  known(target: RecordTarget): Route | undefined {
    return this.#routes.get(keyOf(target));
  }

  /** The route, or the reason why the target's topic cannot be used. */
  async of(target: RecordTarget, signal: AbortSignal): Promise<Route | TopicConflict> {
    const key = keyOf(target);
    const known = this.#routes.get(key) ?? this.#conflicts.get(key);
    if (known !== undefined) return known;
    try {
      const route = await this.#lookUp(target, signal);
      this.#routes.set(key, route);
      return route;
    } catch (error) {
      if (!(error instanceof TopicConflict)) throw error;
      this.#conflicts.set(key, error);
      return error;
    }
  }

  /** Called when the table was described again, perhaps with another name. */
  forget(relationId: number): void {
    this.#routes.delete(relationId);
    this.#conflicts.delete(relationId);
  }

  clear(): void {
    this.#routes.clear();
    this.#conflicts.clear();
  }
}

function keyOf(target: RecordTarget): RouteKey {
  return target === "message" ? target : target.id;
}
