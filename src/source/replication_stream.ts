// Reads the replication stream: backend messages, and in them XLogData and keepalives, in place.

import { CaptureError } from "../errors.ts";
import type { Lsn } from "../pipeline/position.ts";
import type { ReplicationStream } from "../pipeline/ports.ts";
import { type ServerError, translatePostgresError, translateServerError } from "./errors.ts";
import type { RawConnection } from "./socket.ts";

const BUFFER_BYTES = 256 * 1024;
// PostgreSQL's own bound for a message is 1 GB; more is not a message.
const MESSAGE_BYTES_MAX = 0x3fffffff;
// Between two reads the socket is left alone for this long, so that a read finds many messages: reading each as
// it comes made the walsender wake the reader for every row, and cost both sides more than half of their CPU.
const GATHER_MS = 1;
// START_REPLICATION is answered before the first byte of WAL is read.
const BEGIN_MS_MAX = 25_000;
const HEADER_BYTES = 5;
const XLOG_HEADER_BYTES = 25;
const POSTGRES_EPOCH_MS = 946_684_800_000;

const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const COPY_BOTH_RESPONSE = 0x57;
const COMMAND_COMPLETE = 0x43;
const ERROR_RESPONSE = 0x45;
const NOTICE_RESPONSE = 0x4e;
const PARAMETER_STATUS = 0x53;
const READY_FOR_QUERY = 0x5a;
const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;

/** The stream of one started slot (PostgreSQL manual, 53.4). */
export class PostgresStream implements ReplicationStream {
  bytes: Uint8Array = new Uint8Array(BUFFER_BYTES);
  start = 0;
  end = 0;
  walStartHigh = 0;
  walStartLow = 0;
  walEnd: Lsn = 0n;
  replyRequested = false;

  readonly #connection: RawConnection;
  readonly #what: string;
  readonly #now: () => number;
  /** Unparsed bytes are at `[#head, #tail)`. */
  #head = 0;
  #tail = 0;
  #gather = false;
  #receivedBytes = 0;
  #reading: Promise<number | null> | undefined;
  #ended = false;

  private constructor(connection: RawConnection, what: string, now: () => number) {
    this.#connection = connection;
    this.#what = what;
    this.#now = now;
  }

  /**
   * Sends a START_REPLICATION command and waits until the server begins to stream.
   * @param what completes the errors: `replication on slot "orders"`
   */
  static async start(
    connection: RawConnection,
    command: string,
    what: string,
    now: () => number,
    signal: AbortSignal,
  ): Promise<PostgresStream> {
    const stream = new PostgresStream(connection, what, now);
    await stream.#write(queryMessage(command));
    const late = AbortSignal.timeout(BEGIN_MS_MAX);
    try {
      while (!stream.#begun()) await stream.fill(AbortSignal.any([signal, late]));
    } catch (error) {
      signal.throwIfAborted();
      if (!late.aborted) throw error;
      throw new CaptureError(
        "postgres-unavailable",
        `Cannot start ${what}: no answer within ${BEGIN_MS_MAX / 1000} s`,
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
    if (this.#gather) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    // A read can't be taken back: one that an abort left behind is waited for by the next call.
    this.#reading ??= this.#connection.read(this.bytes.subarray(this.#tail));
    let count: number | null;
    try {
      count = await abortable(this.#reading, signal);
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
    this.#gather = this.#tail < this.bytes.length;
  }

  takeReceivedBytes(): number {
    const count = this.#receivedBytes;
    this.#receivedBytes = 0;
    return count;
  }

  async confirm(received: Lsn, flushed: Lsn): Promise<void> {
    await this.#write(copyDataMessage(this.#statusUpdate(received, flushed)));
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

  /** Moves what is unparsed to the front, and grows the buffer for a message larger than it. */
  #makeRoom(): void {
    if (this.#reading !== undefined) return;
    const unparsed = this.#tail - this.#head;
    let size = BUFFER_BYTES;
    if (unparsed >= HEADER_BYTES) {
      const needed = HEADER_BYTES + this.#bodyLength();
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

  /** A length alone buys no memory: the buffer for a large message doubles each time that what came has filled it. */
  #roomFor(needed: number, unparsed: number): number {
    const size = this.bytes.length;
    const hasRoom = size > unparsed && size >= BUFFER_BYTES && size <= needed;
    return hasRoom ? size : Math.min(needed, Math.max(BUFFER_BYTES, 2 * unparsed));
  }

  #statusUpdate(received: Lsn, flushed: Lsn): Uint8Array {
    const body = new Uint8Array(34);
    const view = new DataView(body.buffer);
    body[0] = 0x72;
    view.setBigUint64(1, received);
    view.setBigUint64(9, flushed);
    view.setBigUint64(17, flushed);
    view.setBigUint64(25, BigInt(Math.max(0, this.#now() - POSTGRES_EPOCH_MS)) * 1000n);
    // Asked for an answer each time: the answer's end of WAL moves an idle slot on, and its absence shows a dead link.
    body[33] = 1;
    return body;
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

function queryMessage(text: string): Uint8Array {
  const encoded = new TextEncoder().encode(`${text}\0`);
  const message = new Uint8Array(HEADER_BYTES + encoded.length);
  message[0] = 0x51;
  new DataView(message.buffer).setUint32(1, encoded.length + 4);
  message.set(encoded, HEADER_BYTES);
  return message;
}

function copyDataMessage(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_BYTES + body.length);
  message[0] = COPY_DATA;
  new DataView(message.buffer).setUint32(1, body.length + 4);
  message.set(body, HEADER_BYTES);
  return message;
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The fields of an ErrorResponse: a type byte and a zero-ended string each. */
function parseErrorResponse(bytes: Uint8Array, start: number, end: number): ServerError {
  const fields = new Map<string, string>();
  const decoder = new TextDecoder();
  for (let at = start; at < end && bytes[at] !== 0;) {
    const zero = bytes.indexOf(0, at + 1);
    const stop = zero < 0 || zero > end ? end : zero;
    fields.set(String.fromCharCode(bytes[at]!), decoder.decode(bytes.subarray(at + 1, stop)));
    at = stop + 1;
  }
  const detail = fields.get("D");
  const hint = fields.get("H");
  const where = fields.get("W");
  return {
    code: fields.get("C") ?? "XX000",
    message: fields.get("M") ?? "an error without a message",
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
  };
}

/** `promise`, or the signal's reason if it aborts first. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
