// The plans of the relations that the stream has described, by relation id.

import type { Lsn } from "../pipeline/position.ts";
import { type RelationPlan, withTypes } from "./relation_plan.ts";
import type { TypeInfo } from "./type_info.ts";

/** All relations of a stream. */
export class RelationPlans {
  readonly #plans = new Map<number, RelationPlan>();
  /** Relations whose composite values may be older than their types, and their plans for after that. */
  readonly #older = new Map<number, RelationPlan>();
  #olderUntil: Lsn = 0n;

  get all(): readonly RelationPlan[] {
    return [...this.#plans.values()];
  }

  get(id: number): RelationPlan | undefined {
    return this.#plans.get(id);
  }

  define(plan: RelationPlan): void {
    this.#plans.set(plan.id, plan);
    this.#older.delete(plan.id);
  }

  /**
   * Takes other types for a relation.
   * @param asOf the end of the WAL when they were looked up: what was committed before may be older than they are
   */
  retype(plan: RelationPlan, types: readonly TypeInfo[], commitLsn: Lsn, asOf: Lsn): RelationPlan {
    const strict = withTypes(plan, types, false);
    if (commitLsn > asOf) {
      this.define(strict);
      return strict;
    }
    const lenient = withTypes(plan, types, true);
    // One bound for all: where it ends too early for one of them, that one is looked up again.
    this.#olderUntil = this.#older.size > 0 && this.#olderUntil < asOf ? this.#olderUntil : asOf;
    this.#older.set(plan.id, strict);
    this.#plans.set(plan.id, lenient);
    return lenient;
  }

  /** Called for each transaction. @returns whether plans that were given out before are out of date */
  beginTransaction(commitLsn: Lsn): boolean {
    if (this.#older.size === 0 || commitLsn <= this.#olderUntil) return false;
    for (const [id, plan] of this.#older) this.#plans.set(id, plan);
    this.#older.clear();
    return true;
  }
}
