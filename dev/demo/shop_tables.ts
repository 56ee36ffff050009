// The tables of the demo's shop, and what is on its shelves.

/** The tables, without the schema. */
export const SHOP_TABLES: readonly string[] = ["users", "products", "orders", "order_items"];

/** The statements that make the tables, of varied types and keys, and the publication. */
export function createStatements(schema: string, publication: string): string {
  return `
    CREATE SCHEMA IF NOT EXISTS ${schema};
    SET search_path = ${schema};
    CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped');
    CREATE TABLE users (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text NOT NULL,
      email text,
      preferences jsonb,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE products (
      sku text PRIMARY KEY,
      name text NOT NULL,
      price numeric(10, 2) NOT NULL,
      stock integer NOT NULL,
      attributes jsonb
    );
    CREATE TABLE orders (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      user_id bigint NOT NULL,
      status order_status NOT NULL DEFAULT 'new',
      total numeric(12, 2) NOT NULL,
      placed_at timestamptz NOT NULL DEFAULT now(),
      shipped_on date
    );
    ALTER TABLE orders REPLICA IDENTITY FULL;
    CREATE TABLE order_items (
      order_id bigint,
      line smallint,
      sku text NOT NULL,
      quantity integer NOT NULL,
      price numeric(10, 2) NOT NULL,
      PRIMARY KEY (order_id, line)
    );
    CREATE PUBLICATION ${publication} FOR TABLE ${SHOP_TABLES.join(", ")};`;
}

/** What the shop sells. */
export const PRODUCTS: readonly (readonly [sku: string, name: string, price: string, color: string])[] = [
  ["mug-01", "Coffee mug", "9.90", "white"],
  ["pen-02", "Fountain pen", "24.50", "black"],
  ["bag-03", "Canvas bag", "14.00", "green"],
  ["lamp-04", "Desk lamp", "39.95", "red"],
  ["book-05", "Notebook", "6.20", "blue"],
];
