// A byte buffer that grows as it is written and is then reused.

const INITIAL_BYTES = 64 * 1024;

/**
 * The buffer that records are encoded into. `bytes` and `length` are public, so that the hot path needs no
 * call for each byte: call `ensure`, then write to `bytes` at `length` and advance `length`.
 */
export class ByteWriter {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  length = 0;

  /** Makes room for `count` more bytes. This may replace `bytes`. */
  ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Appends all of `source`. */
  append(source: Uint8Array): void {
    const count = source.length;
    this.ensure(count);
    const bytes = this.bytes;
    const at = this.length;
    // For fewer bytes, calling `set` takes longer than the loop.
    if (count > 10) bytes.set(source, at);
    else for (let index = 0; index < count; index++) bytes[at + index] = source[index]!;
    this.length = at + count;
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  /** Discards the content, and also the buffer if a huge row made it larger than `keepBytesMax`. */
  reset(keepBytesMax: number): void {
    this.length = 0;
    if (this.bytes.length > keepBytesMax) this.bytes = new Uint8Array(INITIAL_BYTES);
  }
}
