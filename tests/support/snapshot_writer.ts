// Rows for snapshots, and writers that change, delete, re-insert and move these very rows.

import { delay } from "../../dev/servers/server_process.ts";
import type { PostgresAddress } from "../../dev/servers/postgres.ts";
import { type Sql, sql } from "../../dev/servers/psql.ts";
import { randomOf } from "./writer.ts";

/** A table, and how the n-th row's key looks. Besides the key it has version, small and big. */
export interface RowTable {
  /** As in SQL. */
  readonly name: string;
  /** The columns of the key, with their types. */
  readonly keyColumns: readonly (readonly [name: string, type: string])[];
  /** Constraints and more, after the columns; the primary key when not given. */
  readonly constraints?: string;
  /** SQL that follows CREATE TABLE. */
  readonly after?: string;
  /** An SQL expression for each column of the key, of the row's number `n`. */
  readonly key: (n: string) => readonly string[];
}

/** The usual one. */
export const ITEM: RowTable = { name: "item", keyColumns: [["id", "bigint"]], key: (n) => [n] };

export const VERSION = "version";

/** Each change of a row takes the next one, so versions grow with time, whatever becomes of a row. */
const NEXT_VERSION = "nextval('row_version')";

/** One row in so many has a value that is stored out of line. */
const BIG_EVERY = 4;

/** A value of 2,600 to 5,200 bytes that is not compressed. */
const BIG = "repeat(md5(random()::text), 81 + (random() * 80)::int)";

/** Makes the tables with rows 1 to `count`. */
export async function createRows(connection: Sql, tables: readonly RowTable[], count: number): Promise<void> {
  await connection.exec("CREATE SEQUENCE IF NOT EXISTS row_version");
  for (const table of tables) {
    const { name, keyColumns, after = "", key } = table;
    const columns = keyColumns.map(([column, type]) => `${column} ${type}`);
    const names = keyColumns.map(([column]) => column).join(", ");
    const constraints = table.constraints ?? `PRIMARY KEY (${names})`;
    await connection.exec(`
      CREATE TABLE ${name} (${columns.join(", ")}, version bigint NOT NULL, small text, big text
        ${constraints === "" ? "" : `, ${constraints}`});
      ALTER TABLE ${name} ALTER COLUMN big SET STORAGE EXTERNAL; ${after};
      INSERT INTO ${name} (${names}, version, small, big)
      SELECT ${key("n").join(", ")}, ${NEXT_VERSION}, 'row ' || n,
             CASE WHEN n % ${BIG_EVERY} = 0 THEN ${BIG} ELSE 'little ' || n END
        FROM generate_series(1, ${count}) n`);
  }
}

export interface RowWritersOptions {
  readonly tables: readonly RowTable[];
  /** Rows 1 to `count` are written to, and as many more. */
  readonly count: number;
  readonly connections?: number;
  /** All together, at most; 500 when not given. */
  readonly transactionsPerSecond?: number;
  readonly seed: number;
  /** Whether keys change; true when not given. */
  readonly movesKeys?: boolean;
  /** Whether there is something to find a row by; otherwise rows are only inserted. */
  readonly insertsOnly?: boolean;
}

const TICK_MS = 10;

/** Several connections, each with rows of its own, so that none waits for another. */
export class RowWriters implements AsyncDisposable {
  readonly #address: PostgresAddress;
  readonly #options: RowWritersOptions;
  readonly #stop = new AbortController();
  #running: Promise<void>[] = [];
  #transactions = 0;
  #lastError: unknown;

  constructor(address: PostgresAddress, options: RowWritersOptions) {
    this.#address = address;
    this.#options = options;
  }

  start(): this {
    const { connections = 3, seed } = this.#options;
    this.#running = Array.from(
      { length: connections },
      (_, index) => this.#write(index, connections, randomOf(seed * 1000 + index)),
    );
    return this;
  }

  /** Committed so far. */
  get transactions(): number {
    return this.#transactions;
  }

  /** What a server said last that refused a transaction; undefined if none was. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Ends all of them between two transactions. @throws Error if none of their transactions succeeded */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    if (this.#transactions === 0) throw new Error("nothing was written", { cause: this.#lastError });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  async #write(index: number, connections: number, random: () => number): Promise<void> {
    const { signal } = this.#stop;
    const perTick = (this.#options.transactionsPerSecond ?? 500) * TICK_MS / 1000 / connections;
    let due = 0;
    let last = performance.now();
    while (!signal.aborted) {
      try {
        await using connection = await sql(this.#address);
        await connection.exec(`SET application_name = 'row writer ${index}'`);
        while (!signal.aborted) {
          const now = performance.now();
          due = Math.min(due + perTick * (now - last) / TICK_MS, 20);
          last = now;
          if (due < 1) {
            await delay(TICK_MS / 2);
            continue;
          }
          due--;
          await this.#transact(connection, rowTransaction(this.#options, { index, connections }, random));
        }
      } catch (error) {
        // The server may be away; a test that wants that goes on when it is back.
        this.#lastError = error;
        await delay(50);
      }
    }
  }

  async #transact(connection: Sql, text: string): Promise<void> {
    try {
      await connection.exec(text);
      this.#transactions++;
    } catch (error) {
      this.#lastError = error;
      await connection.exec("ROLLBACK");
    }
  }
}

interface Share {
  readonly index: number;
  readonly connections: number;
}

/** One transaction of one to three statements, with savepoints and rollbacks now and then. */
export function rowTransaction(options: RowWritersOptions, share: Share, random: () => number): string {
  const next = () => rowStatement(options, share, random);
  const statements = Array.from({ length: 1 + Math.floor(random() * 3) }, next);
  if (random() < 0.1) {
    statements.push(`SAVEPOINT a; ${next()}; ${random() < 0.5 ? "ROLLBACK TO a" : "RELEASE a"}; ${next()}`);
  }
  return `BEGIN; ${statements.join("; ")}; ${random() < 0.05 ? "ROLLBACK" : "COMMIT"}`;
}

function rowStatement(options: RowWritersOptions, share: Share, random: () => number): string {
  const { tables, count, movesKeys = true, insertsOnly = false } = options;
  const table = tables[Math.floor(random() * tables.length)]!;
  const { name, keyColumns, key } = table;
  const columns = keyColumns.map(([column]) => column);
  // Keys repeat their numbers' order or don't: a key moves to anywhere.
  const pick = (max: number) => {
    const { index, connections } = share;
    return String(1 + index + connections * Math.floor(random() * (max / connections - 1)));
  };
  const where = (n: string) => columns.map((column, at) => `${column} = (${key(n)[at]})`).join(" AND ");
  const insert = (n: string) =>
    `INSERT INTO ${name} (${columns.join(", ")}, version, small, big)
     SELECT ${key(n).join(", ")}, ${NEXT_VERSION}, 'inserted', ${random() < 0.3 ? BIG : "'little'"}
      WHERE NOT EXISTS (SELECT FROM ${name} WHERE ${where(n)})`;
  if (insertsOnly) return insert(pick(100 * count));
  const n = pick(count);
  const choice = random();
  if (choice < 0.3) {
    return `UPDATE ${name} SET version = ${NEXT_VERSION}, small = 'changed' WHERE ${where(n)}`;
  }
  if (choice < 0.5) {
    return `UPDATE ${name} SET version = ${NEXT_VERSION}, big = ${BIG} WHERE ${where(n)}`;
  }
  if (choice < 0.65) return `DELETE FROM ${name} WHERE ${where(n)}`;
  if (choice < 0.8 || !movesKeys) return insert(pick(2 * count));
  const to = pick(2 * count);
  const assignments = columns.map((column, at) => `${column} = ${key(to)[at]}`).join(", ");
  return `UPDATE ${name} SET version = ${NEXT_VERSION}, ${assignments}
           WHERE ${where(n)} AND NOT EXISTS (SELECT FROM ${name} WHERE ${where(to)})`;
}
