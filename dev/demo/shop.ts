// The demo's shop: its tables, and a writer that keeps customers coming.

// @ts-types="@types/pg"
import pg from "pg";
import type { PostgresAddress } from "../servers/postgres.ts";
import { delay } from "../servers/server_process.ts";
import { DevServerError } from "../servers/tools.ts";
import { createStatements, PRODUCTS, SHOP_TABLES } from "./shop_tables.ts";

/** Where the shop is. */
export interface ShopOptions {
  readonly postgres: PostgresAddress;
  readonly schema: string;
  readonly publication: string;
}

const SLOT_POLL_MS = 50;

/** The shop: made once, then written to by one writer. */
export class Shop implements AsyncDisposable {
  /** Rows inserted, updated and deleted by transactions that are committed. */
  committedChanges = 0;
  readonly #client: pg.Client;
  readonly #options: ShopOptions;

  private constructor(client: pg.Client, options: ShopOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Makes the tables and the publication, anew where an earlier demo left some. */
  static async open(options: ShopOptions): Promise<Shop> {
    const { host, port, user, password, database } = options.postgres;
    const client = new pg.Client({ host, port, user, password, database, connectionTimeoutMillis: 10_000 });
    // The writer's next statement tells of a lost connection.
    client.on("error", () => {});
    await client.connect().catch((error: Error) => {
      throw new DevServerError(
        `Cannot connect to PostgreSQL at ${host}:${port} as ${user}: ${error.message}`,
      );
    });
    const shop = new Shop(client, options);
    await client.query(shop.#dropStatements());
    await client.query(createStatements(options.schema, options.publication));
    await client.query(`SET search_path = ${options.schema}`);
    return shop;
  }

  /** Waits until somebody reads from the slot: what is committed before nobody will hear of. */
  async untilStreaming(slot: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { rowCount } = await this.#client.query(
        "SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active AND confirmed_flush_lsn IS NOT NULL",
        [slot],
      );
      if (rowCount === 1) return;
      await delay(SLOT_POLL_MS, signal);
    }
  }

  /** Something in each table. */
  async stock(): Promise<void> {
    await this.#transaction(async (run) => {
      for (const [sku, name, price, color] of PRODUCTS) {
        await run(
          "INSERT INTO products (sku, name, price, stock, attributes) VALUES ($1, $2, $3, $4, $5)",
          [sku, name, price, 100, JSON.stringify({ color, tags: ["new"] })],
        );
      }
    });
    for (let customer = 0; customer < 3; customer++) await this.#signUp();
    await this.#order();
  }

  /** Writes about `transactionsPerSecond` until `signal` is aborted. */
  async keepBusy(transactionsPerSecond: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pick(this.#activities)();
      await delay((0.5 + Math.random()) * 1000 / transactionsPerSecond, signal);
    }
  }

  /** Drops what the demo made, the slot included. Of a server of the demo's own there is no need to. */
  async drop(slot: string): Promise<void> {
    await this.#client.query(this.#dropStatements());
    await this.#client.query(
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active",
      [slot],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => {});
  }

  /** As often as they are named. */
  readonly #activities: readonly (() => Promise<void>)[] = [
    () => this.#signUp(),
    () => this.#order(),
    () => this.#order(),
    () => this.#advanceOrder(),
    () => this.#advanceOrder(),
    () => this.#changePrice(),
    () => this.#restock(),
    () => this.#changeMail(),
    () => this.#cancelOrder(),
    () => this.#forgetUser(),
    () => this.#changeMind(),
  ];

  #signUp(): Promise<void> {
    const first = pick(FIRST_NAMES);
    const last = pick(LAST_NAMES);
    return this.#transaction(async (run) => {
      await run("INSERT INTO users (name, email, preferences) VALUES ($1, $2, $3)", [
        `${first} ${last}`,
        mail(first, last),
        JSON.stringify({ newsletter: Math.random() < 0.5, language: pick(["en", "de", "fr"]) }),
      ]);
    });
  }

  #order(): Promise<void> {
    return this.#transaction(async (run) => {
      const { rows } = await run(
        "INSERT INTO orders (user_id, total) SELECT id, 0 FROM users ORDER BY random() LIMIT 1 RETURNING id",
      );
      const order = rows[0]?.["id"];
      if (order === undefined) return;
      const lines = 1 + Math.floor(Math.random() * 3);
      for (let line = 1; line <= lines; line++) {
        const quantity = 1 + Math.floor(Math.random() * 3);
        const product = pick(PRODUCTS)[0];
        await run(
          `INSERT INTO order_items (order_id, line, sku, quantity, price)
           SELECT $1, $2, sku, $3, price FROM products WHERE sku = $4`,
          [order, line, quantity, product],
        );
        await run("UPDATE products SET stock = stock - $1 WHERE sku = $2", [quantity, product]);
      }
      await run(
        "UPDATE orders SET total = (SELECT sum(quantity * price) FROM order_items WHERE order_id = $1) WHERE id = $1",
        [order],
      );
    });
  }

  #advanceOrder(): Promise<void> {
    return this.#transaction(async (run) => {
      await run(`
        UPDATE orders SET status = CASE status WHEN 'new' THEN 'paid'::order_status ELSE 'shipped' END,
                          shipped_on = CASE status WHEN 'paid' THEN current_date END
         WHERE id = (SELECT id FROM orders WHERE status <> 'shipped' ORDER BY random() LIMIT 1)`);
    });
  }

  #changePrice(): Promise<void> {
    return this.#transaction(async (run) => {
      await run("UPDATE products SET price = round(price * $1, 2) WHERE sku = $2", [
        (0.9 + Math.random() * 0.2).toFixed(3),
        pick(PRODUCTS)[0],
      ]);
    });
  }

  #restock(): Promise<void> {
    return this.#transaction(async (run) => {
      await run("UPDATE products SET stock = stock + 50 WHERE stock < 80");
    });
  }

  #changeMail(): Promise<void> {
    return this.#transaction(async (run) => {
      await run("UPDATE users SET email = $1 WHERE id = (SELECT id FROM users ORDER BY random() LIMIT 1)", [
        mail(pick(FIRST_NAMES), pick(LAST_NAMES)),
      ]);
    });
  }

  #cancelOrder(): Promise<void> {
    return this.#transaction(async (run) => {
      const { rows } = await run("SELECT id FROM orders ORDER BY random() LIMIT 1");
      const order = rows[0]?.["id"] ?? null;
      await run("DELETE FROM order_items WHERE order_id = $1", [order]);
      await run("DELETE FROM orders WHERE id = $1", [order]);
    });
  }

  #forgetUser(): Promise<void> {
    return this.#transaction(async (run) => {
      await run(`
        DELETE FROM users WHERE id = (
          SELECT id FROM users WHERE NOT EXISTS (SELECT FROM orders WHERE user_id = users.id) ORDER BY random() LIMIT 1)`);
    });
  }

  /** Rolled back: nobody ever hears of it. */
  async #changeMind(): Promise<void> {
    await this.#client.query("BEGIN");
    await this.#client.query("UPDATE products SET price = 0");
    await this.#client.query("ROLLBACK");
  }

  async #transaction(work: (run: Run) => Promise<void>): Promise<void> {
    let changes = 0;
    const run: Run = async (text, parameters = []) => {
      const result = await this.#client.query<Record<string, unknown>>(text, [...parameters]);
      if (result.command !== "SELECT") changes += result.rowCount ?? 0;
      return result;
    };
    await this.#client.query("BEGIN");
    try {
      await work(run);
      await this.#client.query("COMMIT");
    } catch (error) {
      await this.#client.query("ROLLBACK").catch(() => {});
      throw error;
    }
    this.committedChanges += changes;
  }

  #dropStatements(): string {
    const { schema, publication } = this.#options;
    const tables = SHOP_TABLES.map((table) => `${schema}.${table}`).join(", ");
    return `DROP PUBLICATION IF EXISTS ${publication};` +
      (schema === "public"
        ? `DROP TABLE IF EXISTS ${tables} CASCADE; DROP TYPE IF EXISTS order_status;`
        : `DROP SCHEMA IF EXISTS ${schema} CASCADE;`);
  }
}

type Run = (
  text: string,
  parameters?: readonly unknown[],
) => Promise<pg.QueryResult<Record<string, unknown>>>;

const FIRST_NAMES: readonly string[] = [
  "Ada",
  "Grace",
  "Edgar",
  "Barbara",
  "Jim",
  "Frances",
  "Michael",
  "Radia",
  "Zoë",
];
const LAST_NAMES: readonly string[] = [
  "Lovelace",
  "Hopper",
  "Codd",
  "Liskov",
  "Gray",
  "Allen",
  "Widenius",
  "Perlman",
];

function mail(first: string, last: string): string {
  return `${first}.${last}@example.com`.toLowerCase();
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}
