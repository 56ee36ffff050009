// Stores byte strings by number: the first megabytes in memory, the rest in the overflow.

import { CaptureError } from "../core/errors.ts";
import type { Overflow } from "./overflow.ts";

export interface RecordStoreLimits {
  readonly memoryBytesMax: number;
  readonly overflowBytesMax: number;
}

/**
 * This is not a Map of Uint8Arrays, because each of those takes about 300 bytes more than its content.
 *
 * A record that grows moves to a slot of twice the size, and its old slot is lost. So lost slots never take
 * more room than those in use.
 */
export class RecordStore {
  readonly #limits: RecordStoreLimits;
  readonly #overflow: Overflow | undefined;
  /** Where each record's slot begins: in memory below `memoryBytesMax`, else in the overflow. */
  readonly #slots = new Map<number, number>();
  #memory = new Uint8Array(INITIAL_BYTES);
  #memoryUsed = 0;
  #overflowUsed = 0;

  /** @param overflow is cleared; absent if there is only memory */
  constructor(limits: RecordStoreLimits, overflow?: Overflow) {
    this.#limits = limits;
    this.#overflow = overflow;
    overflow?.clear();
  }

  /** The numbers of all records, in the order of their first `put`. */
  get ids(): readonly number[] {
    return [...this.#slots.keys()];
  }

  has(id: number): boolean {
    return this.#slots.has(id);
  }

  /** A copy of the record; undefined if there is none. */
  get(id: number): Uint8Array | undefined {
    const at = this.#slots.get(id);
    if (at === undefined) return undefined;
    const { length } = this.#header(at);
    return this.#read(length, at + HEADER_BYTES);
  }

  /** @throws CaptureError `too-many-relations` if there is no room */
  put(id: number, record: Uint8Array): void {
    const before = this.#slots.get(id);
    const capacityBefore = before === undefined ? 0 : this.#header(before).capacity;
    const fits = before !== undefined && record.length <= capacityBefore;
    const capacity = fits ? capacityBefore : Math.max(record.length, 2 * capacityBefore);
    const at = fits ? before : this.#allocate(HEADER_BYTES + capacity);
    const slot = new Uint8Array(HEADER_BYTES + record.length);
    const header = new DataView(slot.buffer);
    header.setUint32(0, capacity);
    header.setUint32(4, record.length);
    slot.set(record, HEADER_BYTES);
    this.#write(slot, at);
    this.#slots.set(id, at);
  }

  #header(at: number): { readonly capacity: number; readonly length: number } {
    const header = new DataView(this.#read(HEADER_BYTES, at).buffer);
    return { capacity: header.getUint32(0), length: header.getUint32(4) };
  }

  #allocate(size: number): number {
    const { memoryBytesMax, overflowBytesMax } = this.#limits;
    if (this.#memoryUsed + size <= memoryBytesMax) {
      const at = this.#memoryUsed;
      this.#memoryUsed += size;
      this.#growMemory();
      return at;
    }
    if (this.#overflow === undefined || this.#overflowUsed + size > overflowBytesMax) {
      throw new CaptureError(
        "too-many-relations",
        `Cannot keep the descriptions of all ${this.#slots.size} tables that this connection has met: they take ` +
          `more than ${memoryBytesMax + (this.#overflow === undefined ? 0 : overflowBytesMax)} bytes`,
      );
    }
    const at = memoryBytesMax + this.#overflowUsed;
    this.#overflowUsed += size;
    return at;
  }

  #growMemory(): void {
    if (this.#memoryUsed <= this.#memory.length) return;
    const size = Math.max(this.#memoryUsed, Math.min(2 * this.#memory.length, this.#limits.memoryBytesMax));
    const grown = new Uint8Array(size);
    grown.set(this.#memory);
    this.#memory = grown;
  }

  #read(length: number, at: number): Uint8Array {
    const { memoryBytesMax } = this.#limits;
    if (at < memoryBytesMax) return this.#memory.slice(at, at + length);
    return this.#overflow!.read(length, at - memoryBytesMax);
  }

  #write(bytes: Uint8Array, at: number): void {
    const { memoryBytesMax } = this.#limits;
    if (at < memoryBytesMax) this.#memory.set(bytes, at);
    else this.#overflow!.write(bytes, at - memoryBytesMax);
  }
}

const INITIAL_BYTES = 64 * 1024;
/** The slot's capacity and the record's length. */
const HEADER_BYTES = 8;
