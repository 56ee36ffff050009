// A frame of the wire protocol that is too large to be held: read through as it comes, with long parts left out.

/** The next bytes of the frame, and whether they are kept. */
export interface Part {
  readonly count: number;
  readonly keep: boolean;
}

/** A value up to this size is kept: a key may be that long, since an index holds it compressed. */
const VALUE_BYTES_MAX = 256 * 1024;
/** What is kept of one frame before only short values are. */
const KEPT_BYTES_ENOUGH = 4 * 1024 * 1024;
const SHORT_VALUE_BYTES_MAX = 8 * 1024;

/** One frame. What is kept of it is a frame like others. */
export abstract class LongFrame {
  /** How many bytes were left out. */
  omittedBytes = 0;
  protected kept: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  protected length = 0;
  /** Of the whole frame, its header included, what has not come yet. */
  protected missing: number;
  readonly #parts: Iterator<Part, void>;
  #part: Part = { count: 0, keep: false };
  #taken = 0;

  /** @param bytes the whole frame's size, its header included */
  constructor(bytes: number) {
    this.missing = bytes;
    this.#parts = this.parts();
  }

  get done(): boolean {
    return this.missing === 0;
  }

  /** What was kept, once all is there. */
  get message(): Uint8Array {
    const message = this.kept.subarray(0, this.length);
    new DataView(message.buffer).setUint32(1, message.length - 1);
    return message;
  }

  /** Takes what came at `[start, end)`. @returns the end of what is this frame's */
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

  /** What the frame consists of; each part is asked for when those before it are here. */
  protected abstract parts(): Iterator<Part, void>;

  /** The size above which a value is left out now. */
  protected get valueBytesMax(): number {
    return this.length < KEPT_BYTES_ENOUGH ? VALUE_BYTES_MAX : SHORT_VALUE_BYTES_MAX;
  }

  /** The last bytes that were kept, as a number. */
  protected uint(bytes: 2 | 4): number {
    const view = new DataView(this.kept.buffer, this.length - bytes);
    return bytes === 2 ? view.getUint16(0) : view.getUint32(0);
  }

  #nextPart(): void {
    do {
      const next = this.#parts.next();
      // What does not look as it should is for the reader of the frame to complain about.
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
