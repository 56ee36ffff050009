// The transactions that a PostgreSQL snapshot sees.

import { isOlder } from "./xid.ts";

/** The transactions that a snapshot sees, parsed from `pg_current_snapshot()`: `xmin:xmax:xip,xip`. */
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

  /** The transactions in progress. Their xids have 32 bits, as in the stream. */
  get running(): ReadonlySet<number> {
    return this.#running;
  }

  /** Whether all committed transactions up to this one are seen. */
  seesAllUpTo(xid: number): boolean {
    return isOlder(xid, this.#xmin);
  }

  /** Whether a committed top-level transaction is seen. @param xid a 32-bit xid */
  sees(xid: number): boolean {
    if (isOlder(xid, this.#xmin)) return true;
    return isOlder(xid, this.#xmax) && !this.#running.has(xid);
  }
}

/** The lower 32 bits of a 64-bit transaction id. */
function xidOf(text: string): number {
  return Number(BigInt(text) & 0xffff_ffffn);
}
