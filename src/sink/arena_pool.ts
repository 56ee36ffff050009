// Reuses the buffers of record batches, in bounded memory.

const BUFFER_BYTES_MIN = 4 * 1024;

/**
 * Buffers whose sizes are powers of two. Released buffers are kept for the next batch, up to a limit. Beyond
 * it the smallest are dropped first, because large ones cost the most to allocate.
 */
export class ArenaPool {
  readonly #keepBytesMax: number;
  /** By size: 4 kB, 8 kB, 16 kB and so on. */
  readonly #kept: Uint8Array[][] = [];
  #keptBytes = 0;

  constructor(keepBytesMax: number) {
    this.#keepBytesMax = keepBytesMax;
  }

  /** Bytes in buffers that are not in use. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least `bytesMin`. */
  acquire(bytesMin: number): Uint8Array {
    return this.acquireKept(bytesMin) ?? new Uint8Array(BUFFER_BYTES_MIN << sizeClass(bytesMin));
  }

  /** A buffer of at least `bytesMin`, if one of that size class was kept. */
  acquireKept(bytesMin: number): Uint8Array | undefined {
    const buffer = this.#kept[sizeClass(bytesMin)]?.pop();
    if (buffer !== undefined) this.#keptBytes -= buffer.length;
    return buffer;
  }

  /** Takes back a buffer that `acquire` returned. */
  release(buffer: Uint8Array): void {
    const index = sizeClass(buffer.length);
    while (this.#kept.length <= index) this.#kept.push([]);
    this.#kept[index]?.push(buffer);
    this.#keptBytes += buffer.length;
    for (const buffers of this.#kept) {
      while (this.#keptBytes > this.#keepBytesMax && buffers.length > 0) {
        this.#keptBytes -= buffers.pop()?.length ?? 0;
      }
    }
  }
}

function sizeClass(bytesMin: number): number {
  return Math.max(0, 32 - Math.clz32((bytesMin - 1) >> 12));
}
