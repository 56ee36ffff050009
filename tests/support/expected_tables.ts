// Rows of tables as a test expects them in topics.

/** A table's row: JSON of each column's value, as SPEC section 4 writes it; `readTable` asks PostgreSQL for it. */
export type ExpectedRow = Readonly<Record<string, string>>;

/** By `schema.table`. */
export type ExpectedTables = Readonly<Record<string, readonly ExpectedRow[]>>;
