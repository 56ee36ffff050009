// Tracks a chunk from before it is read until its rows are sent, and drops rows that change in the meantime.

import type { Lsn } from "../../core/position.ts";
import type { Chunk } from "../snapshot_ports.ts";
import { KeyIndex } from "./key_index.ts";
import { keyTexts } from "./row_key.ts";

/** Changes kept until the chunk arrives. If there are more, the chunk is read again. */
const EARLY_MAX = 20_000;

/** A change that arrived before the chunk did. */
interface EarlyChange {
  readonly xid: number;
  /** Null for a TRUNCATE. */
  readonly key: Uint8Array | null;
  readonly leavesOut: boolean;
}

/**
 * A chunk holds the rows visible to its snapshot. A streamed change that the snapshot does not see is newer,
 * so it removes its row from the chunk.
 */
export class ChunkWindow {
  /** The commit LSN of the last transaction streamed before the window was opened. */
  readonly openedAt: Lsn;
  /** The rows before this index are sent or removed. */
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

  /** Whether the chunk has to be read again. */
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
   * Accepts the chunk and applies the changes kept so far.
   * @returns the keys of removed rows for which the stream omitted a value
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
   * Records a streamed change of the row with this key.
   * @param leavesOut whether the stream omitted a value of the row
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

  /** Records a streamed TRUNCATE of the table. */
  truncated(xid: number): void {
    const chunk = this.#chunk;
    if (chunk === undefined) this.#keep({ xid, key: null, leavesOut: false });
    else if (!chunk.moment.visibility.sees(xid)) {
      this.#removed ??= new Uint8Array(chunk.rows.count);
      this.#removed.fill(1, this.cursor);
    }
  }

  /** Marks the chunk to be read again. */
  invalidate(): void {
    this.#isStale = true;
  }

  /** Returns the rows' buffer to its pool. */
  release(): void {
    this.#chunk?.rows.release();
  }

  #keep(change: EarlyChange): void {
    if (this.#early.length < EARLY_MAX) this.#early.push(change);
    else this.#isStale = true;
  }
}
