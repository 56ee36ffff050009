// A chunk from before it is read until its rows are sent: what changes meanwhile leaves it.

import type { Lsn } from "../../core/position.ts";
import type { Chunk } from "../snapshot_ports.ts";
import { KeyIndex } from "./key_index.ts";
import { keyTexts } from "./row_key.ts";

/** Changes that are kept until the chunk is here. With more, it is read again. */
const EARLY_MAX = 20_000;

/** A change that came before the chunk did. */
interface EarlyChange {
  readonly xid: number;
  /** Null for a TRUNCATE. */
  readonly key: Uint8Array | null;
  readonly leavesOut: boolean;
}

/**
 * The rows of a chunk are those that its snapshot sees. Whatever was streamed and is not seen is newer: it takes
 * its row out of the chunk.
 */
export class ChunkWindow {
  /** The commit LSN of the transaction that was streamed last when the window was opened. */
  readonly openedAt: Lsn;
  /** The rows before it are sent, or taken out. */
  cursor = 0;
  readonly #order: readonly number[];
  #early: EarlyChange[] = [];
  #chunk: Chunk | undefined;
  #index: KeyIndex | undefined;
  #removed: Uint8Array | undefined;
  #isStale = false;

  /** @param order the positions of the key's columns in a row of the chunk */
  constructor(openedAt: Lsn, order: readonly number[]) {
    this.openedAt = openedAt;
    this.#order = order;
  }

  /** Whether it has to be read again. */
  get isStale(): boolean {
    return this.#isStale;
  }

  get chunk(): Chunk {
    return this.#chunk!;
  }

  isRemoved(row: number): boolean {
    return this.#removed !== undefined && this.#removed[row] === 1;
  }

  /**
   * The chunk is here.
   * @returns keys of rows that were taken out, of which the stream left something out
   */
  arrived(chunk: Chunk): string[][] {
    this.#chunk = chunk;
    const again: string[][] = [];
    for (const { xid, key, leavesOut } of this.#early) {
      if (key === null) this.truncated(xid);
      else if (this.changed(xid, key, key.length, leavesOut)) again.push(keyTexts(key, key.length));
    }
    this.#early = [];
    return again;
  }

  /**
   * A change of a row with this key was streamed.
   * @param leavesOut whether the stream left a value of it out
   * @returns whether the row has to be read again by its key
   */
  changed(xid: number, key: Uint8Array, length: number, leavesOut: boolean): boolean {
    const chunk = this.#chunk;
    if (chunk === undefined) {
      this.#keep({ xid, key: key.slice(0, length), leavesOut });
      return false;
    }
    if (chunk.moment.visibility.sees(xid)) return false;
    this.#index ??= new KeyIndex(chunk.rows, this.#order);
    const row = this.#index.find(key, length);
    if (row < this.cursor || this.isRemoved(row)) return row >= 0 && leavesOut && this.isRemoved(row);
    this.#removed ??= new Uint8Array(chunk.rows.count);
    this.#removed[row] = 1;
    return leavesOut;
  }

  /** The table was truncated. */
  truncated(xid: number): void {
    const chunk = this.#chunk;
    if (chunk === undefined) this.#keep({ xid, key: null, leavesOut: false });
    else if (!chunk.moment.visibility.sees(xid)) {
      this.#removed ??= new Uint8Array(chunk.rows.count);
      this.#removed.fill(1, this.cursor);
    }
  }

  /** It has to be read again. */
  invalidate(): void {
    this.#isStale = true;
  }

  /** Gives the rows back. */
  release(): void {
    this.#chunk?.rows.release();
  }

  #keep(change: EarlyChange): void {
    if (this.#early.length < EARLY_MAX) this.#early.push(change);
    else this.#isStale = true;
  }
}
