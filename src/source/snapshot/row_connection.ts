// A connection for queries whose rows stay bytes: they are read into blocks and parsed there.

import type { RowBlock } from "../../pipeline/snapshot_ports.ts";
import { unlessAborted } from "../../core/wait.ts";
import { CaptureError } from "../../core/errors.ts";
import { type ServerError, translatePostgresError } from "../errors.ts";
import {
  ERROR_RESPONSE,
  HEADER_BYTES,
  parseErrorResponse,
  queryMessage,
  READY_FOR_QUERY,
  uint32,
} from "../frames.ts";
import { malformed } from "../frame_guard.ts";
import type { RawConnection } from "../socket.ts";
import { type BlockPool, GrowingBlock } from "./block_pool.ts";
import { LargeRow } from "./large_row.ts";

const ROW_DESCRIPTION = 0x54;
const DATA_ROW = 0x44;
const COMMAND_COMPLETE = 0x43;
const EMPTY_QUERY = 0x49;
/** The largest message that is not a row. */
const OTHER_BYTES_MAX = 1024 * 1024;
/** PostgreSQL's own limit for a message. */
const MESSAGE_BYTES_MAX = 0x3fffffff;
/** A condition that few rows meet takes long. The stream notices whether the server is reachable. */
const ANSWER_MS_MAX = 15 * 60_000;

/** The values of a row as text; null for NULL. */
export type TextRow = readonly (string | null)[];

/** The end of a query, with or without an error from the server. */
type Ended = { readonly error: ServerError | undefined };

/** Runs one simple query at a time (PostgreSQL manual, "Simple Query"). */
export class RowConnection {
  readonly #connection: RawConnection;
  readonly #rowBytesMax: number;
  #block: GrowingBlock;
  #reading: Promise<number | null> | undefined;
  /** The first error of the current query. */
  #error: ServerError | undefined;
  #isBusy = false;

  /** @param rowBytesMax larger rows are returned without their long values */
  constructor(connection: RawConnection, pool: BlockPool, rowBytesMax: number) {
    this.#connection = connection;
    this.#rowBytesMax = rowBytesMax;
    this.#block = new GrowingBlock(pool);
  }

  /** Whether an answer has not been read to its end. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Sends a query. Read its results with `rows` or `block`, statement by statement, and then call `end`. */
  async send(text: string): Promise<void> {
    if (this.#isBusy) throw new Error("the query before has not ended");
    this.#isBusy = true;
    this.#error = undefined;
    try {
      await this.#connection.write(queryMessage(text));
    } catch (error) {
      throw translatePostgresError(error, "Cannot ask PostgreSQL for rows");
    }
  }

  /** All rows of the next statement; undefined if the query failed. */
  async rows(signal: AbortSignal): Promise<readonly TextRow[] | undefined> {
    const block = await this.block(Infinity, signal);
    if (block === undefined) return undefined;
    const rows = Array.from({ length: block.rows.count }, (_, row) => textRow(block.rows, row));
    block.rows.release();
    return rows;
  }

  /**
   * Returns rows of the next statement.
   * @param bytesMax the block ends at this size, if the statement does not end first
   * @returns undefined if the query failed; `isEnd` if the statement has no more rows
   */
  async block(
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<{ readonly rows: RowBlock; readonly isEnd: boolean } | undefined> {
    while (this.#isBusy) {
      const end = this.#take(bytesMax);
      if (end === "statement" || end === "full") return { rows: this.#cut(), isEnd: end === "statement" };
      if (end === "query") this.#isBusy = false;
      else await this.#fill(signal);
    }
    return undefined;
  }

  /** Reads to the end of the query, past statements without rows. */
  async end(signal: AbortSignal): Promise<Ended> {
    while (this.#isBusy) {
      const rest = await this.block(OTHER_BYTES_MAX, signal);
      rest?.rows.release();
    }
    return { error: this.#error };
  }

  close(): void {
    this.#connection.close();
  }

  /**
   * Takes the messages received so far.
   * @returns what ended, or undefined if no complete message is left
   */
  #take(bytesMax: number): "statement" | "full" | "query" | undefined {
    const block = this.#block;
    for (;;) {
      if (block.takenBytes >= bytesMax) return "full";
      const { bytes, head, tail } = block;
      if (block.large !== undefined) {
        if (!block.readThrough()) return undefined;
        continue;
      }
      if (tail - head < HEADER_BYTES) return undefined;
      const length = uint32(bytes, head + 1) - 4;
      const type = bytes[head]!;
      if (length < 0 || length > MESSAGE_BYTES_MAX) throw malformed(`a message of ${length} bytes`);
      if (type === DATA_ROW && length > this.#rowBytesMax) {
        block.large = new LargeRow(HEADER_BYTES + length);
        continue;
      }
      if (type !== DATA_ROW && length > OTHER_BYTES_MAX) throw malformed(`a message of ${length} bytes`);
      if (tail - head < HEADER_BYTES + length) return undefined;
      const start = head + HEADER_BYTES;
      switch (type) {
        case DATA_ROW:
          block.takeRow(start, start + length);
          continue;
        case ERROR_RESPONSE:
          this.#error ??= parseErrorResponse(bytes, start, start + length);
          block.skip(start + length);
          continue;
        case COMMAND_COMPLETE:
        case EMPTY_QUERY:
          block.skip(start + length);
          return "statement";
        case READY_FOR_QUERY:
          block.skip(start + length);
          return "query";
        case ROW_DESCRIPTION:
        default:
          // Notices and parameter changes can arrive at any time.
          block.skip(start + length);
      }
    }
  }

  /** Hands over the rows taken; the bytes after them start the next block. */
  #cut(): RowBlock {
    const block = this.#block;
    this.#block = block.cut();
    block.shrink();
    return block;
  }

  async #fill(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#block.makeRoom();
    this.#reading ??= this.#connection.read(this.#block.room);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.close();
    }, ANSWER_MS_MAX);
    let count: number | null;
    try {
      count = await unlessAborted(this.#reading, signal);
    } catch (error) {
      this.close();
      signal.throwIfAborted();
      if (isLate) throw lost(`no answer within ${ANSWER_MS_MAX / 1000} s`);
      throw translatePostgresError(error, "Lost the connection that reads tables");
    } finally {
      clearTimeout(timer);
    }
    this.#reading = undefined;
    if (isLate) throw lost(`no answer within ${ANSWER_MS_MAX / 1000} s`);
    if (count === null) throw lost(this.#error?.message ?? "PostgreSQL closed it");
    this.#block.received(count);
  }
}

function lost(found: string): CaptureError {
  return new CaptureError("postgres-unavailable", `Lost the connection that reads tables: ${found}`);
}

/** The values of a row of a block as text. */
export function textRow({ bytes, starts }: RowBlock, row: number): TextRow {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const values: (string | null)[] = [];
  let at = starts[row]!;
  const count = (bytes[at]! << 8) | bytes[at + 1]!;
  at += 2;
  for (let column = 0; column < count; column++) {
    const length = uint32(bytes, at) | 0;
    at += 4;
    values.push(length < 0 ? null : decoder.decode(bytes.subarray(at, at + length)));
    if (length > 0) at += length;
  }
  return values;
}
