// Opens connections to PostgreSQL and runs plain queries on them.

import { formatAddress } from "../core/address.ts";
import { CaptureError } from "../core/errors.ts";
import { translatePostgresError } from "./errors.ts";
import { findServer } from "./find_server.ts";
import type { TlsFacts } from "./link.ts";
import type { Login, LoginMode } from "./login.ts";
import type { PostgresOptions, PostgresServer } from "./options.ts";
import type { PostgresSocket, RawConnection } from "./socket.ts";

/** The values of one row by column name, as PostgreSQL prints them. */
export type Row = Readonly<Record<string, string | null>>;

// A silent connection is noticed within this time. Queries that can take longer set their own limit.
const ANSWER_MS_MAX = 25_000;

/** One open connection. It does not support concurrent queries. */
export class PostgresConnection implements Disposable {
  /** The server that it is connected to. */
  readonly server: PostgresServer;
  /** Null if the connection is not encrypted. */
  readonly tls: TlsFacts | null;
  readonly #client: Login["client"];
  readonly #socket: PostgresSocket;

  private constructor({ client, socket, server, tls }: Login) {
    this.server = server;
    this.tls = tls;
    this.#client = client;
    this.#socket = socket;
  }

  /**
   * Connects and authenticates.
   * @param mode `replication` for a walsender that also takes SQL, `sql` for an ordinary session
   * @throws CaptureError `postgres-unavailable`, `postgres-refused`, `configuration` or `decoding`
   */
  static async open(
    options: PostgresOptions,
    mode: LoginMode,
    signal: AbortSignal,
  ): Promise<PostgresConnection> {
    return new PostgresConnection(await findServer(options, mode, signal));
  }

  /**
   * Runs one command using the simple query protocol.
   * @param doing completes "Cannot ..." in the error
   * @param answerMsMax the longest wait for the answer; then the connection is closed
   */
  async query(
    text: string,
    doing: string,
    signal: AbortSignal,
    answerMsMax = ANSWER_MS_MAX,
  ): Promise<readonly Row[]> {
    const abort = () => this.#socket.destroy();
    const late = new Error(`no answer within ${answerMsMax / 1000} s`);
    const timer = answerMsMax === Infinity
      ? undefined
      : setTimeout(() => this.#socket.destroy(late), answerMsMax);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      const result = await this.#client.query(text);
      return result.rows as Row[];
    } catch (error) {
      signal.throwIfAborted();
      throw translatePostgresError(error, `Cannot ${doing}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Runs a query that must return exactly one row. */
  async queryRow(
    text: string,
    doing: string,
    signal: AbortSignal,
    answerMsMax = ANSWER_MS_MAX,
  ): Promise<Row> {
    const [row] = await this.query(text, doing, signal, answerMsMax);
    if (row === undefined) {
      throw new CaptureError(
        "postgres-refused",
        `Cannot ${doing}: PostgreSQL at ${formatAddress(this.server)} gave no row`,
      );
    }
    return row;
  }

  /** Hands the raw connection to the replication stream; no query may follow. */
  takeOver(): RawConnection {
    return this.#socket.takeOver();
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Quotes `text` as an SQL identifier. */
export function quoteIdentifier(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Quotes `text` as an SQL string literal, regardless of standard_conforming_strings. */
export function quoteLiteral(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
