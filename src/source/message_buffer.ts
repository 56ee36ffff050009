// Buffers bytes received from the replication stream, and parses complete backend messages in place.

import { CaptureError } from "../core/errors.ts";
import { HEADER_BYTES, peekXlogData, uint32 } from "./frames.ts";
import { LargeMessage } from "./large_message.ts";

const BUFFER_BYTES = 1024 * 1024;
// PostgreSQL's own limit for a message is 1 GB; anything longer is not a message.
const MESSAGE_BYTES_MAX = 0x3fffffff;

/** One reused buffer. It grows for larger messages, up to a limit. */
export abstract class MessageBuffer {
  bytes: Uint8Array = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  omittedBytes = 0;

  /** Unparsed bytes are at `[#head, #tail)`. */
  #head = 0;
  #tail = 0;
  readonly #messageBytesMax: number;
  /** The message that is too large to hold and is being read through. */
  #large: LargeMessage | undefined;
  /** The number of bytes left out of the message at `#head`. */
  #omittedBytes = 0;

  /** @param messageBytesMax larger messages are returned without their long values */
  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  peek(show: (bytes: Uint8Array, start: number, end: number) => void): void {
    peekXlogData(this.bytes, this.#head, this.#tail, show);
  }

  /** The free space for the next bytes. */
  protected get room(): Uint8Array {
    return this.bytes.subarray(this.#tail);
  }

  /** Counts the bytes read into `room`. */
  protected received(count: number): void {
    this.#tail += count;
    this.#readThrough();
  }

  /** Sets `[start, end)` to the body of the next backend message, if it is complete. */
  protected takeMessage(): boolean {
    const available = this.#tail - this.#head;
    if (available < HEADER_BYTES) return false;
    const length = this.#bodyLength();
    if (available < HEADER_BYTES + length) return false;
    this.start = this.#head + HEADER_BYTES;
    this.end = this.start + length;
    this.#head = this.end;
    this.omittedBytes = this.#omittedBytes;
    this.#omittedBytes = 0;
    return true;
  }

  #bodyLength(): number {
    const length = uint32(this.bytes, this.#head + 1) - 4;
    if (length < 0 || length > MESSAGE_BYTES_MAX) throw malformedStream(`a message of ${length} bytes`);
    return length;
  }

  /** Moves unparsed bytes to the front, and grows the buffer for a message larger than it. */
  protected makeRoom(): void {
    const unparsed = this.#tail - this.#head;
    let size = BUFFER_BYTES;
    if (unparsed >= HEADER_BYTES) {
      const needed = HEADER_BYTES + this.#bodyLength();
      if (needed > this.#messageBytesMax) {
        this.#large = new LargeMessage(needed);
        return this.#readThrough();
      }
      if (needed > size) size = this.#roomFor(needed, unparsed);
    }
    if (size === this.bytes.length) {
      if (this.#head > 0) this.bytes.copyWithin(0, this.#head, this.#tail);
    } else {
      const resized = new Uint8Array(size);
      resized.set(this.bytes.subarray(this.#head, this.#tail));
      this.bytes = resized;
    }
    this.#head = 0;
    this.#tail = unparsed;
  }

  /** Reads on through the large message. Its kept parts then form a normal message. */
  #readThrough(): void {
    const large = this.#large;
    if (large === undefined) return;
    const end = large.push(this.bytes, this.#head, this.#tail);
    if (!large.done) {
      this.#head = this.#tail = 0;
      return;
    }
    const { message, omittedBytes } = large;
    const rest = this.bytes.subarray(end, this.#tail);
    this.bytes = new Uint8Array(Math.max(BUFFER_BYTES, message.length + rest.length));
    this.bytes.set(message);
    this.bytes.set(rest, message.length);
    this.#head = 0;
    this.#tail = message.length + rest.length;
    this.#omittedBytes = omittedBytes;
    this.#large = undefined;
  }

  /** A length field alone allocates no memory: the buffer doubles only when received bytes have filled it. */
  #roomFor(needed: number, unparsed: number): number {
    const size = this.bytes.length;
    const hasRoom = size > unparsed && size >= BUFFER_BYTES && size <= needed;
    return hasRoom ? size : Math.min(needed, Math.max(BUFFER_BYTES, 2 * unparsed));
  }
}

/** The error for a stream that violates the protocol. */
export function malformedStream(found: string): CaptureError {
  return new CaptureError("decoding", `Cannot read the replication stream: PostgreSQL sent ${found}`);
}
