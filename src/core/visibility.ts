// Which transactions a snapshot of PostgreSQL sees.

import { isOlder } from "./xid.ts";

/** The transactions that one snapshot sees, as `pg_current_snapshot()` prints it: `xmin:xmax:xip,xip`. */
export class Visibility {
  readonly #xmin: number;
  readonly #xmax: number;
  readonly #running: ReadonlySet<number>;

  private constructor(xmin: number, xmax: number, running: ReadonlySet<number>) {
    this.#xmin = xmin;
    this.#xmax = xmax;
    this.#running = running;
  }

  /** @returns undefined if `text` is not a snapshot */
  static parse(text: string): Visibility | undefined {
    const match = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/.exec(text);
    if (match === null) return undefined;
    const [, xmin, xmax, running] = match;
    return new Visibility(
      xidOf(xmin!),
      xidOf(xmax!),
      new Set(running === "" ? [] : running!.split(",").map(xidOf)),
    );
  }

  /** Transactions that had begun and not ended. Their xids have 32 bits, as in the stream. */
  get running(): ReadonlySet<number> {
    return this.#running;
  }

  /** Whether each transaction is seen that is not newer, if it was committed. */
  seesAllUpTo(xid: number): boolean {
    return isOlder(xid, this.#xmin);
  }

  /** Whether a committed top-level transaction is seen. @param xid of 32 bits */
  sees(xid: number): boolean {
    if (isOlder(xid, this.#xmin)) return true;
    return isOlder(xid, this.#xmax) && !this.#running.has(xid);
  }
}

/** The 32 bits of a transaction id that has 64. */
function xidOf(text: string): number {
  return Number(BigInt(text) & 0xffff_ffffn);
}
