// Reads a wire protocol frame that is too large to hold, leaving out its long parts.

/** The next bytes of the frame, and whether they are kept. */
export interface Part {
  readonly count: number;
  readonly keep: boolean;
}

/** A value up to this size is kept: a key can be this long, since an index compresses it. */
const VALUE_BYTES_MAX = 256 * 1024;
/** Once this many bytes of a frame are kept, only short values are. */
const KEPT_BYTES_ENOUGH = 4 * 1024 * 1024;
const SHORT_VALUE_BYTES_MAX = 8 * 1024;

/** One frame. The kept parts form a valid frame. */
export abstract class LongFrame {
  /** The number of bytes left out. */
  omittedBytes = 0;
  protected kept: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  protected length = 0;
  /** The number of bytes not yet received of the whole frame, including its header. */
  protected missing: number;
  readonly #parts: Iterator<Part, void>;
  #part: Part = { count: 0, keep: false };
  #taken = 0;

  /** @param bytes the size of the whole frame, including its header */
  constructor(bytes: number) {
    this.missing = bytes;
    this.#parts = this.parts();
  }

  get done(): boolean {
    return this.missing === 0;
  }

  /** The kept parts, once the whole frame has been received. */
  get message(): Uint8Array {
    const message = this.kept.subarray(0, this.length);
    new DataView(message.buffer).setUint32(1, message.length - 1);
    return message;
  }

  /** Takes the bytes received at `[start, end)`. @returns the end of this frame's bytes */
  push(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    const stop = Math.min(end, start + this.missing);
    while (at < stop) {
      if (this.#taken === this.#part.count) this.#nextPart();
      const count = Math.min(this.#part.count - this.#taken, stop - at);
      if (this.#part.keep) this.#append(bytes, at, count);
      else this.omittedBytes += count;
      this.#taken += count;
      this.missing -= count;
      at += count;
    }
    return at;
  }

  /** The parts of the frame. Each part is requested when the previous ones have been received. */
  protected abstract parts(): Iterator<Part, void>;

  /** The size above which values are currently left out. */
  protected get valueBytesMax(): number {
    return this.length < KEPT_BYTES_ENOUGH ? VALUE_BYTES_MAX : SHORT_VALUE_BYTES_MAX;
  }

  /** Reads the last bytes kept as a number. */
  protected uint(bytes: 2 | 4): number {
    const view = new DataView(this.kept.buffer, this.length - bytes);
    return bytes === 2 ? view.getUint16(0) : view.getUint32(0);
  }

  #nextPart(): void {
    do {
      const next = this.#parts.next();
      // Leave complaints about a malformed frame to its reader.
      this.#part = next.done ? { count: this.missing, keep: false } : next.value;
    } while (this.#part.count === 0);
    this.#taken = 0;
  }

  #append(bytes: Uint8Array, at: number, count: number): void {
    if (this.length + count > this.kept.length) {
      const grown = new Uint8Array(Math.max(this.kept.length * 2, this.length + count));
      grown.set(this.kept.subarray(0, this.length));
      this.kept = grown;
    }
    this.kept.set(bytes.subarray(at, at + count), this.length);
    this.length += count;
  }
}

export function keep(count: number): Part {
  return { count, keep: true };
}
