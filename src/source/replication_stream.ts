// Reads the replication stream in place: backend messages, and the XLogData and keepalives in them.

import { CaptureError } from "../core/errors.ts";
import { formatLsn, type Lsn } from "../core/position.ts";
import type { ReplicationStream } from "../pipeline/ports.ts";
import { unlessAborted } from "../core/wait.ts";
import { malformedStream, MessageBuffer } from "./message_buffer.ts";
import { throwSkippedPublication, translatePostgresError, translateServerError } from "./errors.ts";
import {
  COMMAND_COMPLETE,
  COPY_BOTH_RESPONSE,
  COPY_DATA,
  COPY_DONE,
  ERROR_RESPONSE,
  HEADER_BYTES,
  KEEPALIVE,
  NOTICE_RESPONSE,
  PARAMETER_STATUS,
  parseErrorResponse,
  queryMessage,
  READY_FOR_QUERY,
  statusUpdate,
  uint32,
  XLOG_DATA,
  XLOG_HEADER_BYTES,
} from "./frames.ts";
import { ReadPace } from "./read_pace.ts";
import type { RawConnection } from "./socket.ts";

// The server answers START_REPLICATION before it reads the first byte of WAL.
const BEGIN_MS_MAX = 25_000;

/** The options of a stream. */
export interface StreamOptions {
  /** Completes the errors: `replication on slot "orders"`. */
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Larger messages are returned without their long values; undefined for no limit. */
  readonly messageBytesMax?: number | undefined;
}

/** The stream of one started slot (PostgreSQL manual, 53.4). */
export class PostgresStream extends MessageBuffer implements ReplicationStream {
  walStartHigh = 0;
  walStartLow = 0;
  walEnd: Lsn = 0n;
  replyRequested = false;

  readonly #connection: RawConnection;
  readonly #what: string;
  readonly #now: () => number;
  readonly #pace = new ReadPace();
  #receivedBytes = 0;
  #reading: Promise<number | null> | undefined;
  #ended = false;

  private constructor(connection: RawConnection, { what, now, messageBytesMax }: StreamOptions) {
    super(messageBytesMax ?? Infinity);
    this.#connection = connection;
    this.#what = what;
    this.#now = now;
  }

  /**
   * Sends a START_REPLICATION command and waits until the server starts to stream.
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
    while (this.takeMessage()) {
      const bytes = this.bytes;
      switch (bytes[this.start - HEADER_BYTES]) {
        case COPY_DATA:
          return this.#copyData();
        case ERROR_RESPONSE:
          throw translateServerError(
            parseErrorResponse(bytes, this.start, this.end),
            `Cannot continue with ${this.#what}`,
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
          throwSkippedPublication(
            parseErrorResponse(bytes, this.start, this.end),
            `Cannot continue with ${this.#what}`,
          );
          break;
        case PARAMETER_STATUS:
          break;
        default:
          throw malformedStream(`a message of type ${bytes[this.start - HEADER_BYTES]}`);
      }
    }
    return "none";
  }

  async fill(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#reading === undefined) {
      this.makeRoom();
      await this.#pace.rest();
    }
    // A read can't be cancelled: the next call waits for a read that an abort left behind.
    this.#reading ??= this.#connection.read(this.room);
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
    this.#receivedBytes += count;
    this.#pace.didRead(count, count === this.room.length);
    this.received(count);
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
      // The server processes messages in order: its CopyDone means that it has received the confirmation.
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

  /** Checks for the start. Before it, only CopyBothResponse, notices and errors may arrive. */
  #begun(): boolean {
    while (this.takeMessage()) {
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
          throw malformedStream(`a message of type ${this.bytes[this.start - HEADER_BYTES]}`);
      }
    }
    return false;
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
    throw malformedStream(`CopyData of kind ${kind} with ${length} bytes`);
  }

  /** The header of a logical message contains its LSN twice (walsender.c, WalSndPrepareWrite). */
  #compareHeader(): void {
    const high = uint32(this.bytes, this.start + 9);
    const low = uint32(this.bytes, this.start + 13);
    if (high === this.walStartHigh && low === this.walStartLow) return;
    const lsn = (upper: number, lower: number) => formatLsn((BigInt(upper) << 32n) | BigInt(lower));
    throw new CaptureError(
      "postgres-corrupt",
      `Cannot trust the replication stream: a message has LSN ${lsn(this.walStartHigh, this.walStartLow)} ` +
        `and LSN ${lsn(high, low)} in its header`,
    );
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      throw translatePostgresError(error, "Cannot write to the replication stream");
    }
  }
}
