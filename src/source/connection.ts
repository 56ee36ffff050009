// The door to the `pg` package: opens connections to PostgreSQL and runs plain queries on them.

import pg from "pg";
import { CaptureError } from "../errors.ts";
import { AnswerTimer } from "./answer_timer.ts";
import { translateConnectError, translatePostgresError } from "./errors.ts";
import type { PostgresOptions } from "./options.ts";
import { PostgresSocket, type RawConnection } from "./socket.ts";

/** Values of one row by column name, as PostgreSQL prints them. */
export type Row = Readonly<Record<string, string | null>>;

// The text of values depends on these, and a role or a database may set them. What comes in the startup packet
// wins over both (PostgreSQL manual, 20.1.3; guc.c, PGC_S_CLIENT). A search_path without user schemas makes
// reg* values schema-qualified, as libpqwalreceiver does it; quote_all_identifiers is about those, too.
const SESSION_SETTINGS = [
  "DateStyle=ISO",
  "IntervalStyle=iso_8601",
  "TimeZone=UTC",
  "extra_float_digits=3",
  "bytea_output=hex",
  "search_path=pg_catalog",
  "quote_all_identifiers=off",
  "statement_timeout=0",
  "lock_timeout=0",
  // PostgreSQL 18 says by a warning that it passes over changes.
  "client_min_messages=warning",
  "idle_session_timeout=0",
].map((setting) => `-c ${setting}`).join(" ");

// Every column as its text: the program never needs pg's parsed values.
const TEXT_TYPES = { getTypeParser: () => (value: string) => value };

// A link that went silent is noticed within this time. What may rightly take longer says so.
const ANSWER_MS_MAX = 25_000;
// Connecting is many questions and answers. No single one takes so large a share of the time that all may take:
// with the default of 30 s, a server that was cut off is tried anew well within that time.
const SILENT_SHARE = 2;

/** One open connection. Not for concurrent queries. */
export class PostgresConnection implements Disposable {
  readonly #client: pg.Client;
  readonly #socket: PostgresSocket;
  readonly #what: string;

  private constructor(client: pg.Client, socket: PostgresSocket, what: string) {
    this.#client = client;
    this.#socket = socket;
    this.#what = what;
  }

  /**
   * Connects and authenticates.
   * @param mode `replication` for a walsender that also takes SQL, `sql` for an ordinary session
   * @throws CaptureError `postgres-unavailable` or `postgres-refused`
   */
  static async open(
    options: PostgresOptions,
    mode: "replication" | "sql",
    signal: AbortSignal,
  ): Promise<PostgresConnection> {
    signal.throwIfAborted();
    const socket = new PostgresSocket();
    const config = {
      host: options.host,
      port: options.port,
      database: options.database,
      user: options.username,
      password: options.password(),
      connectionTimeoutMillis: options.connectTimeoutMs,
      application_name: "pg-capture",
      options: SESSION_SETTINGS,
      stream: () => socket,
      types: TEXT_TYPES,
      ssl: false,
      ...(mode === "replication" ? { replication: "database" } : {}),
    };
    const client = new pg.Client(config as unknown as pg.ClientConfig);
    // A connection that ends while no query runs is noticed by the next query or read.
    client.on("error", () => {});
    const what = `PostgreSQL at ${options.host}:${options.port}`;
    const abort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener("abort", abort, { once: true });
    using answers = new AnswerTimer(
      options.connectTimeoutMs / SILENT_SHARE,
      (error) => socket.destroy(error),
    );
    for (const sign of ["connect", "heard"]) socket.on(sign, () => answers.heard());
    try {
      await client.connect();
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      throw translateConnectError(error, options);
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return new PostgresConnection(client, socket, what);
  }

  /**
   * Runs one command in the simple protocol.
   * @param doing completes "Cannot ..." in the error
   * @param answerMsMax the longest that the answer is awaited; then the connection is given up
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

  /** The one row that the query must give. */
  async queryRow(
    text: string,
    doing: string,
    signal: AbortSignal,
    answerMsMax = ANSWER_MS_MAX,
  ): Promise<Row> {
    const [row] = await this.query(text, doing, signal, answerMsMax);
    if (row === undefined) {
      throw new CaptureError("postgres-refused", `Cannot ${doing}: ${this.#what} gave no row`);
    }
    return row;
  }

  /** Hands the bytes of the connection to the replication stream; no query may follow. */
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

/** `text` as an SQL identifier. */
export function quoteIdentifier(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** `text` as an SQL string literal, whatever standard_conforming_strings says. */
export function quoteLiteral(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
