// Counts records by table and operation between two reports. A row costs a comparison and an addition.

import type { Operation } from "../decoder/change.ts";
import type { CaptureEvents, RecordOrigin } from "./events.ts";

const OPERATIONS: readonly Operation[] = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "READ", "MESSAGE"];

/** The counts since the last report. */
export class RecordCounts {
  readonly #counts = new Map<RecordOrigin, Record<Operation, number>>();
  #lastOrigin: RecordOrigin | undefined;
  #last = newCounts();

  count(origin: RecordOrigin, operation: Operation): void {
    if (origin !== this.#lastOrigin) this.#switchTo(origin);
    this.#last[operation]++;
  }

  /** Publishes the counts and resets them. */
  report(events: Pick<CaptureEvents, "encoded">): void {
    if (this.#lastOrigin === undefined) return;
    for (const [origin, counts] of this.#counts) {
      for (const operation of OPERATIONS) {
        if (counts[operation] > 0) events.encoded(origin, operation, counts[operation]);
      }
    }
    this.#counts.clear();
    this.#lastOrigin = undefined;
  }

  #switchTo(origin: RecordOrigin): void {
    let counts = this.#counts.get(origin);
    if (counts === undefined) {
      counts = newCounts();
      this.#counts.set(origin, counts);
    }
    this.#lastOrigin = origin;
    this.#last = counts;
  }
}

function newCounts(): Record<Operation, number> {
  return { INSERT: 0, UPDATE: 0, DELETE: 0, TRUNCATE: 0, READ: 0, MESSAGE: 0 };
}
