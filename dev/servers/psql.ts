// Runs SQL in tests and benchmarks, each over a connection of its own.

// @ts-types="@types/pg"
import pg from "pg";
import type { PostgresAddress } from "./postgres.ts";
import { delay } from "./server_process.ts";

/** A row, each column as PostgreSQL prints it. */
export type SqlRow = Readonly<Record<string, string | null>>;

/** One connection. Disposing of it does not throw. */
export interface Sql extends AsyncDisposable {
  /** Runs one or several statements. */
  exec(text: string): Promise<void>;
  /** The rows of one statement. */
  rows(text: string, parameters?: readonly (string | number | null)[]): Promise<readonly SqlRow[]>;
  /** The first column of the first row. */
  value(text: string, parameters?: readonly (string | number | null)[]): Promise<string | null>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 300_000;
const END_TIMEOUT_MS = 2_000;

/**
 * Connects.
 * @throws Error when the server can't be reached in 10 s or refuses
 */
export async function sql(address: PostgresAddress): Promise<Sql> {
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    types: { getTypeParser: () => (value: string | Buffer) => value },
  });
  // A server that goes away is no surprise in a test; the next query says so.
  client.on("error", () => {});
  await client.connect();
  const rows: Sql["rows"] = async (text, parameters = []) =>
    (await client.query<Record<string, string | null>>(text, [...parameters])).rows;
  return {
    exec: async (text) => {
      await client.query(text);
    },
    rows,
    value: async (text, parameters) => Object.values((await rows(text, parameters))[0] ?? {})[0] ?? null,
    [Symbol.asyncDispose]: async () => {
      const timer = new AbortController();
      // A server that is gone or frozen may never take leave.
      await Promise.race([client.end().catch(() => {}), delay(END_TIMEOUT_MS, timer.signal)]);
      timer.abort();
    },
  };
}

/** Like `sql`, for a server that a test restarts: a statement that finds the connection gone is run on a new one. */
export function lastingSql(address: PostgresAddress): Sql {
  let connection: Promise<Sql> | undefined;
  const run = async <Result>(statement: (open: Sql) => Promise<Result>): Promise<Result> => {
    for (let triesLeft = RECONNECTS_MAX;; triesLeft--) {
      try {
        return await statement(await (connection ??= sql(address)));
      } catch (error) {
        const isRefusal = error instanceof pg.DatabaseError && !error.code?.startsWith("57P");
        if (isRefusal || triesLeft === 0) throw error;
        connection = undefined;
        await delay(RECONNECT_PAUSE_MS);
      }
    }
  };
  return {
    exec: (text) => run((open) => open.exec(text)),
    rows: (text, parameters) => run((open) => open.rows(text, parameters)),
    value: (text, parameters) => run((open) => open.value(text, parameters)),
    [Symbol.asyncDispose]: async () => {
      await (await connection?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

const RECONNECTS_MAX = 100;
const RECONNECT_PAUSE_MS = 100;
