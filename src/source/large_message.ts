// A message that is too large to be held: read through as it comes, with its long values left out.

/** A value up to this size is kept: a key may be that long, since an index holds it compressed. */
const VALUE_BYTES_MAX = 256 * 1024;
/** What is kept of one message before only short values are. */
const KEPT_BYTES_ENOUGH = 4 * 1024 * 1024;
const SHORT_VALUE_BYTES_MAX = 8 * 1024;
/** What is kept of a logical message's prefix. */
const PREFIX_BYTES_MAX = 64 * 1024;
/** CopyData's type and length, XLogData's header, and the message's tag. */
const HEADERS_BYTES = 5 + 25 + 1;

const INSERT = 0x49;
const UPDATE = 0x55;
const DELETE = 0x44;
const LOGICAL_MESSAGE = 0x4d;
const TEXT = 0x74;
const UNCHANGED = 0x75;

/** The next bytes of the message, and whether they are kept. */
interface Part {
  readonly count: number;
  readonly keep: boolean;
}

/**
 * One CopyData message with a change in it (PostgreSQL manual, 53.9). Each long value becomes what PostgreSQL sends
 * for a TOASTed one that did not change, and the content of a logical message becomes empty: what is left still
 * names the table and the key.
 */
export class LargeMessage {
  /** How many bytes were left out. */
  omittedBytes = 0;
  #kept = new Uint8Array(4096);
  #length = 0;
  /** Of the whole message, its header included, what has not come yet. */
  #missing: number;
  readonly #parts: Iterator<Part, void>;
  #part: Part = { count: 0, keep: false };
  #taken = 0;

  /** @param bytes the whole message's size, CopyData's header included */
  constructor(bytes: number) {
    this.#missing = bytes;
    this.#parts = this.#read();
  }

  get done(): boolean {
    return this.#missing === 0;
  }

  /** What was kept, once all is there: a message like others. */
  get message(): Uint8Array {
    const message = this.#kept.subarray(0, this.#length);
    new DataView(message.buffer).setUint32(1, message.length - 1);
    return message;
  }

  /** Takes what came at `[start, end)`. @returns the end of what is this message's */
  push(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    const stop = Math.min(end, start + this.#missing);
    while (at < stop) {
      if (this.#taken === this.#part.count) this.#nextPart();
      const count = Math.min(this.#part.count - this.#taken, stop - at);
      if (this.#part.keep) this.#append(bytes, at, count);
      else this.omittedBytes += count;
      this.#taken += count;
      this.#missing -= count;
      at += count;
    }
    return at;
  }

  #nextPart(): void {
    do {
      const next = this.#parts.next();
      // What does not look like a row is for the decoder to complain about.
      this.#part = next.done ? { count: this.#missing, keep: false } : next.value;
    } while (this.#part.count === 0);
    this.#taken = 0;
  }

  *#read(): Generator<Part, void> {
    yield keep(HEADERS_BYTES);
    const tag = this.#kept[this.#length - 1];
    if (tag === LOGICAL_MESSAGE) return yield* this.#readLogicalMessage();
    if (tag !== INSERT && tag !== UPDATE && tag !== DELETE) return;
    yield keep(4);
    while (this.#missing > 0) {
      // N, K or O, then the row's columns.
      yield keep(3);
      for (let columns = this.#uint(2); columns > 0; columns--) yield* this.#readColumn();
    }
  }

  *#readColumn(): Generator<Part, void> {
    yield keep(1);
    const kindAt = this.#length - 1;
    if (this.#kept[kindAt] !== TEXT) return;
    yield keep(4);
    const count = this.#uint(4);
    const bytesMax = this.#length < KEPT_BYTES_ENOUGH ? VALUE_BYTES_MAX : SHORT_VALUE_BYTES_MAX;
    if (count <= bytesMax) return yield keep(count);
    this.#kept[kindAt] = UNCHANGED;
    this.#length = kindAt + 1;
    this.omittedBytes += 4;
    yield { count, keep: false };
  }

  /** Flags, LSN, the prefix and its closing zero, the content's length. */
  *#readLogicalMessage(): Generator<Part, void> {
    yield keep(9);
    const prefixStart = this.#length;
    let isCut = false;
    for (;;) {
      yield keep(1);
      const last = this.#kept[this.#length - 1]!;
      if (last === 0) break;
      if (!isCut && this.#length <= prefixStart + PREFIX_BYTES_MAX) continue;
      this.#drop(1);
      // Not half of a character.
      if (!isCut && isContinuation(last)) this.#dropCharacter();
      isCut = true;
    }
    yield keep(4);
    this.#kept.fill(0, this.#length - 4, this.#length);
  }

  /** The last bytes that were kept, as a number. */
  #uint(bytes: 2 | 4): number {
    const view = new DataView(this.#kept.buffer, this.#length - bytes);
    return bytes === 2 ? view.getUint16(0) : view.getUint32(0);
  }

  #drop(bytes: number): void {
    this.#length -= bytes;
    this.omittedBytes += bytes;
  }

  #dropCharacter(): void {
    while (isContinuation(this.#kept[this.#length - 1]!)) this.#drop(1);
    this.#drop(1);
  }

  #append(bytes: Uint8Array, at: number, count: number): void {
    if (this.#length + count > this.#kept.length) {
      const grown = new Uint8Array(Math.max(this.#kept.length * 2, this.#length + count));
      grown.set(this.#kept.subarray(0, this.#length));
      this.#kept = grown;
    }
    this.#kept.set(bytes.subarray(at, at + count), this.#length);
    this.#length += count;
  }
}

/** In UTF-8. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function keep(count: number): Part {
  return { count, keep: true };
}
