// Reads a message of the replication stream that is too large to hold, leaving out its long values.

import { keep, LongFrame, type Part } from "./long_frame.ts";

/** The number of bytes kept of a logical message's prefix. */
const PREFIX_BYTES_MAX = 64 * 1024;
/** CopyData's type and length, XLogData's header, and the message's tag. */
const HEADERS_BYTES = 5 + 25 + 1;

const INSERT = 0x49;
const UPDATE = 0x55;
const DELETE = 0x44;
const LOGICAL_MESSAGE = 0x4d;
const TEXT = 0x74;
const UNCHANGED = 0x75;

/**
 * One CopyData message that contains a change (PostgreSQL manual, 53.9). Each long value is replaced by
 * PostgreSQL's marker for an unchanged TOASTed value, and the content of a logical message becomes empty. The
 * rest still names the table and the key.
 */
export class LargeMessage extends LongFrame {
  protected override *parts(): Generator<Part, void> {
    yield keep(HEADERS_BYTES);
    const tag = this.kept[this.length - 1];
    if (tag === LOGICAL_MESSAGE) return yield* this.#readLogicalMessage();
    if (tag !== INSERT && tag !== UPDATE && tag !== DELETE) return;
    yield keep(4);
    while (this.missing > 0) {
      // N, K or O, then the row's number of columns.
      yield keep(3);
      for (let columns = this.uint(2); columns > 0; columns--) yield* this.#readColumn();
    }
  }

  *#readColumn(): Generator<Part, void> {
    yield keep(1);
    const kindAt = this.length - 1;
    if (this.kept[kindAt] !== TEXT) return;
    yield keep(4);
    const count = this.uint(4);
    if (count <= this.valueBytesMax) return yield keep(count);
    this.kept[kindAt] = UNCHANGED;
    this.length = kindAt + 1;
    this.omittedBytes += 4;
    yield { count, keep: false };
  }

  /** Flags, LSN, the prefix and its closing zero, the content's length. */
  *#readLogicalMessage(): Generator<Part, void> {
    yield keep(9);
    const prefixStart = this.length;
    let isCut = false;
    for (;;) {
      yield keep(1);
      const last = this.kept[this.length - 1]!;
      if (last === 0) break;
      if (!isCut && this.length <= prefixStart + PREFIX_BYTES_MAX) continue;
      this.#drop(1);
      // Don't keep half of a character.
      if (!isCut && isContinuation(last)) this.#dropCharacter();
      isCut = true;
    }
    yield keep(4);
    this.kept.fill(0, this.length - 4, this.length);
  }

  #drop(bytes: number): void {
    this.length -= bytes;
    this.omittedBytes += bytes;
  }

  #dropCharacter(): void {
    while (isContinuation(this.kept[this.length - 1]!)) this.#drop(1);
    this.#drop(1);
  }
}

/** Whether the byte continues a UTF-8 character. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
