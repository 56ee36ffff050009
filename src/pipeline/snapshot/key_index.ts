// Finds the row of a chunk by its key. Built only for chunks whose table changes in the meantime.

import { TupleColumns } from "../../decoder/pgoutput/tuple.ts";
import type { RowBlock } from "../snapshot_ports.ts";
import { KeyBytes, keyOfChange, readRow } from "./row_key.ts";

const EMPTY = -1;

export class KeyIndex {
  readonly #rows: RowBlock;
  readonly #order: readonly number[];
  /** Row numbers by the hash of the key, with open addressing. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #columns = new TupleColumns();
  readonly #key = new KeyBytes();

  /** @param order the positions of the key's columns */
  constructor(rows: RowBlock, order: readonly number[]) {
    this.#rows = rows;
    this.#order = order;
    const size = 1 << Math.ceil(Math.log2(2 * rows.count + 2));
    this.#slots = new Int32Array(size).fill(EMPTY);
    this.#mask = size - 1;
    for (let row = 0; row < rows.count; row++) {
      this.#readKey(row);
      let slot = hash(this.#key.bytes, this.#key.length) & this.#mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = row;
    }
  }

  /** @returns the row with the key; -1 if there is none */
  find(bytes: Uint8Array, length: number): number {
    let slot = hash(bytes, length) & this.#mask;
    for (let row = this.#slots[slot]!; row !== EMPTY; row = this.#slots[slot]!) {
      this.#readKey(row);
      if (isSame(this.#key, bytes, length)) return row;
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  #readKey(row: number): void {
    readRow(this.#rows, row, this.#columns);
    keyOfChange(this.#rows.bytes, this.#columns, null, this.#order, this.#key);
  }
}

function isSame(key: KeyBytes, bytes: Uint8Array, length: number): boolean {
  if (key.length !== length) return false;
  for (let at = 0; at < length; at++) if (key.bytes[at] !== bytes[at]) return false;
  return true;
}

/** Random, so that nobody can prepare keys that share a slot. It decides nothing but the time taken. */
const SEED = crypto.getRandomValues(new Int32Array(1))[0]!;

/** FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/, from a random start. */
function hash(bytes: Uint8Array, length: number): number {
  let value = SEED;
  for (let at = 0; at < length; at++) value = Math.imul(value ^ bytes[at]!, 0x01000193);
  return value ^ (value >>> 15);
}
