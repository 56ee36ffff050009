// Writes to tables the way that makes delivery hard: interleaved transactions, changed keys, several rows a statement.

import { delay } from "../../dev/servers/server_process.ts";
import type { PostgresAddress } from "../../dev/servers/postgres.ts";
import { type Sql, sql } from "../../dev/servers/psql.ts";

/** The tables that `Writers` writes to. */
export const WRITER_TABLES = ["public.account", "public.entry"] as const;

/** Makes the tables. */
export async function createWriterTables(connection: Sql): Promise<void> {
  await connection.exec(`
    CREATE TABLE account (id bigint PRIMARY KEY, owner text NOT NULL, balance numeric NOT NULL);
    CREATE TABLE entry (id bigserial PRIMARY KEY, account bigint, amount numeric, note text);
    ALTER TABLE entry REPLICA IDENTITY FULL;`);
}

/** Several connections that write at the same time until they are told to stop. */
export class Writers implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #address: PostgresAddress;
  readonly #count: number;
  readonly #seed: number;
  #running: Promise<void>[] = [];
  #transactions = 0;

  /** @param seed of the random choices; the same seed makes the same statements */
  constructor(address: PostgresAddress, count: number, seed: number) {
    this.#address = address;
    this.#count = count;
    this.#seed = seed;
  }

  /** Begins to write; does nothing when it has. Rows that are there before the slot is are no part of a history. */
  start(): this {
    if (this.#running.length > 0) return this;
    this.#running = Array.from(
      { length: this.#count },
      (_, index) => this.#write(index, randomOf(this.#seed + index)),
    );
    return this;
  }

  get transactions(): number {
    return this.#transactions;
  }

  /** Ends all of them between two transactions. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  async #write(index: number, random: () => number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await using connection = await sql(this.#address);
        while (!this.#stop.signal.aborted) {
          await connection.exec(transaction(index, random));
          this.#transactions++;
        }
      } catch {
        // The server may be away: a test that wants that writes on when it is back.
        await delay(50);
      }
    }
  }
}

/** One transaction of one to four statements, now and then rolled back. */
function transaction(writer: number, random: () => number): string {
  const statements = Array.from({ length: 1 + Math.floor(random() * 4) }, () => statement(writer, random));
  return `BEGIN; ${statements.join("; ")}; ${random() < 0.05 ? "ROLLBACK" : "COMMIT"}`;
}

function statement(writer: number, random: () => number): string {
  const id = writer * 1_000_000 + Math.floor(random() * 200);
  const choice = random();
  if (choice < 0.35) {
    return `INSERT INTO account VALUES (${id}, 'owner ${id}', 0)
            ON CONFLICT (id) DO UPDATE SET balance = account.balance + 1`;
  }
  if (choice < 0.55) {
    const count = 1 + Math.floor(random() * 20);
    return `INSERT INTO entry (account, amount, note) SELECT ${id}, g, repeat('x', g) FROM generate_series(1, ${count}) g`;
  }
  if (choice < 0.7) return `UPDATE entry SET amount = amount + 1 WHERE account = ${id}`;
  if (choice < 0.8) return `DELETE FROM entry WHERE account = ${id}`;
  if (choice < 0.9) {
    return `UPDATE account SET id = id + 500 WHERE id = ${id} AND NOT EXISTS (SELECT FROM account WHERE id = ${id} + 500)`;
  }
  return `DELETE FROM account WHERE id = ${id}`;
}

/** A generator of numbers from 0 to 1 (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
