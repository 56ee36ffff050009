// Reusable buffers for rows, filled in place from the connection.

import type { RowBlock } from "../../pipeline/snapshot_ports.ts";
import { HEADER_BYTES } from "../frames.ts";
import type { LargeRow } from "./large_row.ts";

const BLOCK_BYTES = 1024 * 1024;
const ROWS = 256;
/** A block with at most this many bytes does not keep a whole buffer. */
const SMALL_BYTES = 64 * 1024;
/** Buffers kept for the next blocks. */
const KEPT_MAX = 12;

/** Keeps a few buffers of the usual size. */
export class BlockPool {
  readonly #free: Uint8Array[] = [];

  acquire(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  release(bytes: Uint8Array): void {
    if (bytes.length === BLOCK_BYTES && this.#free.length < KEPT_MAX) this.#free.push(bytes);
  }
}

/** Received bytes and the rows found in them. It grows while rows are taken from it. */
export class GrowingBlock implements RowBlock {
  bytes: Uint8Array;
  starts: Uint32Array = new Uint32Array(ROWS);
  count = 0;
  end = 0;
  readonly omitted = new Map<number, number>();
  /** Bytes not yet parsed are at `[head, tail)`. */
  head = 0;
  tail = 0;
  /** The row that is too large to hold and is being read through. */
  large: LargeRow | undefined;
  readonly #pool: BlockPool;
  #isReleased = false;

  constructor(pool: BlockPool) {
    this.#pool = pool;
    this.bytes = pool.acquire();
  }

  /** The size of the rows taken so far. */
  get takenBytes(): number {
    return this.end;
  }

  get room(): Uint8Array {
    return this.bytes.subarray(this.tail);
  }

  received(count: number): void {
    this.tail += count;
  }

  takeRow(start: number, end: number): void {
    if (this.count === this.starts.length) {
      const starts = new Uint32Array(2 * this.count);
      starts.set(this.starts);
      this.starts = starts;
    }
    this.starts[this.count++] = start;
    this.head = this.end = end;
  }

  skip(end: number): void {
    this.head = end;
  }

  /** Reads on through the large row. @returns whether its end was reached */
  readThrough(): boolean {
    const large = this.large!;
    const end = large.push(this.bytes, this.head, this.tail);
    // Its bytes are removed from the block as they are read.
    this.bytes.copyWithin(this.head, end, this.tail);
    this.tail -= end - this.head;
    if (!large.done) return false;
    this.large = undefined;
    const { message, omittedBytes } = large;
    const rest = this.bytes.slice(this.head, this.tail);
    this.#reserve(this.head + message.length + rest.length);
    this.bytes.set(message, this.head);
    this.bytes.set(rest, this.head + message.length);
    this.tail = this.head + message.length + rest.length;
    this.omitted.set(this.count, omittedBytes);
    this.takeRow(this.head + HEADER_BYTES, this.head + message.length);
    return true;
  }

  /** Makes room for more bytes without moving the rows already taken. */
  makeRoom(): void {
    const unread = this.tail - this.head;
    if (this.count === 0 && this.head > 0) {
      this.bytes.copyWithin(0, this.head, this.tail);
      this.head = 0;
      this.tail = unread;
    }
    // A length field alone allocates no memory: the buffer doubles only when received bytes have filled it.
    if (this.tail === this.bytes.length) this.#reserve(2 * this.bytes.length);
  }

  /** Starts the next block with the bytes not yet parsed. */
  cut(): GrowingBlock {
    const next = new GrowingBlock(this.#pool);
    const unread = this.tail - this.head;
    next.#reserve(unread);
    next.bytes.set(this.bytes.subarray(this.head, this.tail));
    next.tail = unread;
    next.large = this.large;
    this.tail = this.head;
    return next;
  }

  /** Replaces a large buffer that holds few bytes with a small one. */
  shrink(): void {
    if (this.end > SMALL_BYTES) return;
    const bytes = this.bytes.slice(0, this.end);
    this.#pool.release(this.bytes);
    this.bytes = bytes;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#pool.release(this.bytes);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(bytes, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.tail));
    this.#pool.release(this.bytes);
    this.bytes = grown;
  }
}
