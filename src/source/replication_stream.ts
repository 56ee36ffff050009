// Reads the replication stream: backend messages, and in them XLogData and keepalives, in place.

import { CaptureError } from "../core/errors.ts";
import { formatLsn, type Lsn } from "../core/position.ts";
import type { ReplicationStream } from "../pipeline/ports.ts";
import { unlessAborted } from "../core/wait.ts";
import { LargeMessage } from "./large_message.ts";
import { type ServerError, translatePostgresError, translateServerError } from "./errors.ts";
import { HEADER_BYTES, parseErrorResponse, queryMessage, statusUpdate, uint32 } from "./frames.ts";
import { ReadPace } from "./read_pace.ts";
import type { RawConnection } from "./socket.ts";

const BUFFER_BYTES = 1024 * 1024;
// PostgreSQL's own bound for a message is 1 GB; more is not a message.
const MESSAGE_BYTES_MAX = 0x3fffffff;
// START_REPLICATION is answered before the first byte of WAL is read.
const BEGIN_MS_MAX = 25_000;
const XLOG_HEADER_BYTES = 25;

const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const COPY_BOTH_RESPONSE = 0x57;
const COMMAND_COMPLETE = 0x43;
const ERROR_RESPONSE = 0x45;
const NOTICE_RESPONSE = 0x4e;
const PARAMETER_STATUS = 0x53;
const READY_FOR_QUERY = 0x5a;
const OBJECT_NOT_IN_PREREQUISITE_STATE = "55000";
const UNDEFINED_OBJECT = "42704";
const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;

/** What a stream is started with. */
export interface StreamOptions {
  /** Completes the errors: `replication on slot "orders"`. */
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Larger messages come without their long values; undefined: all are held whole. */
  readonly messageBytesMax?: number | undefined;
}

/** The stream of one started slot (PostgreSQL manual, 53.4). */
export class PostgresStream implements ReplicationStream {
  bytes: Uint8Array = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  walStartHigh = 0;
  walStartLow = 0;
  walEnd: Lsn = 0n;
  replyRequested = false;
  omittedBytes = 0;

  readonly #connection: RawConnection;
  readonly #what: string;
  readonly #now: () => number;
  /** Unparsed bytes are at `[#head, #tail)`. */
  #head = 0;
  #tail = 0;
  readonly #pace = new ReadPace();
  #receivedBytes = 0;
  #reading: Promise<number | null> | undefined;
  #ended = false;
  readonly #messageBytesMax: number;
  /** The message that is being read through. */
  #large: LargeMessage | undefined;
  /** What was left out of the message at `#head`. */
  #omittedBytes = 0;

  private constructor(connection: RawConnection, { what, now, messageBytesMax }: StreamOptions) {
    this.#connection = connection;
    this.#what = what;
    this.#now = now;
    this.#messageBytesMax = messageBytesMax ?? Infinity;
  }

  /**
   * Sends a START_REPLICATION command and waits until the server begins to stream.
   */
  static async start(
    connection: RawConnection,
    command: string,
    options: StreamOptions,
    signal: AbortSignal,
  ): Promise<PostgresStream> {
    const stream = new PostgresStream(connection, options);
    await stream.#write(queryMessage(command));
    const late = AbortSignal.timeout(BEGIN_MS_MAX);
    try {
      while (!stream.#begun()) await stream.fill(AbortSignal.any([signal, late]));
    } catch (error) {
      signal.throwIfAborted();
      if (!late.aborted) throw error;
      throw new CaptureError(
        "postgres-unavailable",
        `Cannot start ${options.what}: no answer within ${BEGIN_MS_MAX / 1000} s`,
        { cause: error },
      );
    }
    return stream;
  }

  next(): "xlog-data" | "keepalive" | "none" {
    while (this.#takeMessage()) {
      const bytes = this.bytes;
      switch (bytes[this.start - HEADER_BYTES]) {
        case COPY_DATA:
          return this.#copyData();
        case ERROR_RESPONSE:
          throw translateServerError(
            parseErrorResponse(bytes, this.start, this.end),
            `Cannot go on with ${this.#what}`,
          );
        case COPY_DONE:
        case COMMAND_COMPLETE:
        case READY_FOR_QUERY:
          this.#ended = true;
          throw new CaptureError(
            "postgres-unavailable",
            "The replication stream ended: PostgreSQL is shutting down",
          );
        case NOTICE_RESPONSE:
          this.#refuseSkipped(parseErrorResponse(bytes, this.start, this.end));
          break;
        case PARAMETER_STATUS:
          break;
        default:
          throw this.#malformed(`a message of type ${bytes[this.start - HEADER_BYTES]}`);
      }
    }
    return "none";
  }

  peek(show: (bytes: Uint8Array, start: number, end: number) => void): void {
    const bytes = this.bytes;
    for (let at = this.#head; at + HEADER_BYTES <= this.#tail;) {
      const start = at + HEADER_BYTES;
      const end = at + 1 + uint32(bytes, at + 1);
      if (end < start || end > this.#tail) return;
      const isXlogData = bytes[at] === COPY_DATA && bytes[start] === XLOG_DATA;
      if (isXlogData && end - start > XLOG_HEADER_BYTES) show(bytes, start + XLOG_HEADER_BYTES, end);
      at = end;
    }
  }

  async fill(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#makeRoom();
    if (this.#reading === undefined) await this.#pace.rest();
    // A read can't be taken back: one that an abort left behind is waited for by the next call.
    this.#reading ??= this.#connection.read(this.bytes.subarray(this.#tail));
    let count: number | null;
    try {
      count = await unlessAborted(this.#reading, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw translatePostgresError(error, "Lost the replication stream");
    }
    this.#reading = undefined;
    if (count === null) {
      throw new CaptureError(
        "postgres-unavailable",
        "Lost the replication stream: PostgreSQL closed the connection",
      );
    }
    this.#tail += count;
    this.#receivedBytes += count;
    this.#pace.didRead(count, this.#tail === this.bytes.length);
    this.#readThrough();
  }

  takeReceivedBytes(): number {
    const count = this.#receivedBytes;
    this.#receivedBytes = 0;
    return count;
  }

  async confirm(received: Lsn, flushed: Lsn): Promise<void> {
    await this.#write(statusUpdate(received, flushed, this.#now()));
  }

  async finish(received: Lsn, flushed: Lsn, timeoutMs: number): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      await this.confirm(received, flushed);
      await this.#write(new Uint8Array([COPY_DONE, 0, 0, 0, 4]));
      // The server works through what it was sent in order: its CopyDone says that it has the confirmation.
      while (!this.#ended) {
        try {
          while (this.next() !== "none");
          await this.fill(signal);
        } catch {
          break;
        }
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#connection.close();
  }

  /** Before the stream begins, only CopyBothResponse, notices and errors may come. */
  #begun(): boolean {
    while (this.#takeMessage()) {
      switch (this.bytes[this.start - HEADER_BYTES]) {
        case COPY_BOTH_RESPONSE:
          return true;
        case ERROR_RESPONSE:
          throw translateServerError(
            parseErrorResponse(this.bytes, this.start, this.end),
            `Cannot start ${this.#what}`,
          );
        case NOTICE_RESPONSE:
        case PARAMETER_STATUS:
          break;
        default:
          throw this.#malformed(`a message of type ${this.bytes[this.start - HEADER_BYTES]}`);
      }
    }
    return false;
  }

  /** Sets `[start, end)` to the body of the next whole backend message, if it is here. */
  #takeMessage(): boolean {
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
    if (length < 0 || length > MESSAGE_BYTES_MAX) throw this.#malformed(`a message of ${length} bytes`);
    return length;
  }

  #copyData(): "xlog-data" | "keepalive" {
    const bytes = this.bytes;
    const kind = bytes[this.start];
    const length = this.end - this.start;
    if (kind === XLOG_DATA && length >= XLOG_HEADER_BYTES) {
      this.walStartHigh = uint32(bytes, this.start + 1);
      this.walStartLow = uint32(bytes, this.start + 5);
      this.#compareHeader();
      this.start += XLOG_HEADER_BYTES;
      return "xlog-data";
    }
    if (kind === KEEPALIVE && length === 18) {
      this.walEnd = (BigInt(uint32(bytes, this.start + 1)) << 32n) | BigInt(uint32(bytes, this.start + 5));
      this.replyRequested = bytes[this.start + 17] === 1;
      return "keepalive";
    }
    throw this.#malformed(`CopyData of kind ${kind} with ${length} bytes`);
  }

  /** A logical message has its LSN in its header twice (walsender.c, WalSndPrepareWrite). */
  #compareHeader(): void {
    const high = uint32(this.bytes, this.start + 9);
    const low = uint32(this.bytes, this.start + 13);
    if (high === this.walStartHigh && low === this.walStartLow) return;
    const lsn = (upper: number, lower: number) => formatLsn((BigInt(upper) << 32n) | BigInt(lower));
    throw new CaptureError(
      "stream-corrupt",
      `Cannot trust the replication stream: a message has LSN ${lsn(this.walStartHigh, this.walStartLow)} ` +
        `and LSN ${lsn(high, low)} in its header`,
    );
  }

  /**
   * PostgreSQL 18 warns of a publication that did not exist where it decodes, and passes over what it would have
   * published (pgoutput.c, LoadPublications); before, that was an error.
   */
  #refuseSkipped(notice: ServerError): void {
    if (notice.severity !== "WARNING" || notice.code !== OBJECT_NOT_IN_PREREQUISITE_STATE) return;
    throw translateServerError({ ...notice, code: UNDEFINED_OBJECT }, `Cannot go on with ${this.#what}`);
  }

  /** Moves what is unparsed to the front, and grows the buffer for a message larger than it. */
  #makeRoom(): void {
    if (this.#reading !== undefined) return;
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

  /** Takes what is here of a message that is not held; what is left of it at its end is a message like others. */
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

  /** A length alone buys no memory: the buffer for a large message doubles each time that what came has filled it. */
  #roomFor(needed: number, unparsed: number): number {
    const size = this.bytes.length;
    const hasRoom = size > unparsed && size >= BUFFER_BYTES && size <= needed;
    return hasRoom ? size : Math.min(needed, Math.max(BUFFER_BYTES, 2 * unparsed));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      throw translatePostgresError(error, "Cannot write to the replication stream");
    }
  }

  #malformed(found: string): CaptureError {
    return new CaptureError("decoding", `Cannot read the replication stream: PostgreSQL sent ${found}`);
  }
}
