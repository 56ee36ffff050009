// A growing byte buffer that is written from front to back and used again.

const INITIAL_BYTES = 64 * 1024;

/**
 * The encoder's scratch buffer. `bytes` and `length` are public so that the hot path can write without a call
 * a byte: `ensure` first, then write to `bytes` at `length` and move `length`.
 */
export class ByteWriter {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  length = 0;

  /** Makes room for `count` more bytes. `bytes` may be another array afterwards. */
  ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Appends `source`, a fragment that was made ready before. */
  append(source: Uint8Array): void {
    const count = source.length;
    this.ensure(count);
    const bytes = this.bytes;
    const at = this.length;
    // Below that, a call of `set` costs more than the bytes.
    if (count > 10) bytes.set(source, at);
    else for (let index = 0; index < count; index++) bytes[at + index] = source[index]!;
    this.length = at + count;
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  /** Forgets what was written, and gives back a buffer that one huge row made larger than `keepBytesMax`. */
  reset(keepBytesMax: number): void {
    this.length = 0;
    if (this.bytes.length > keepBytesMax) this.bytes = new Uint8Array(INITIAL_BYTES);
  }
}
