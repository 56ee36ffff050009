// What is measured: tables, publications, and the rows that make a backlog of each.

/** One kind of backlog. */
export interface BenchCase {
  readonly name: string;
  readonly description: string;
  /** Rows, for a full run. */
  readonly rows: number;
  /** Makes the tables, and rows that are there before the slots are. */
  readonly setup: (rows: number) => string;
  /** Statements that make the backlog, each a transaction or a block that commits in between. */
  readonly fill: (rows: number) => readonly string[];
}

export const SMALL_COLUMNS =
  "id bigint PRIMARY KEY, name text, email text, amount numeric(10,2), active boolean, created_at timestamp";

export function smallRow(id: string): string {
  return `${id}, 'user number '||${id}, 'user'||${id}||'@example.com', (${id} % 10000) / 100.0, ${id} % 2 = 0, ` +
    `'2024-01-01'::timestamp + ${id} * interval '1 second'`;
}

/** Transactions of a thousand rows each. */
function inThousands(rows: number, statement: (from: string, to: string) => string): string {
  const body = statement("i * 1000 + 1", `least(i * 1000 + 1000, ${rows})`);
  return `DO $$ BEGIN FOR i IN 0..${Math.ceil(rows / 1000) - 1} LOOP ${body}; COMMIT; END LOOP; END $$`;
}

/** All cases, the most important first. */
export const CASES: readonly BenchCase[] = [
  {
    name: "small-rows",
    description: "rows of 140 bytes, 1,000 a transaction",
    rows: 1_000_000,
    setup: () => `CREATE TABLE t (${SMALL_COLUMNS})`,
    fill: (rows) => [
      inThousands(
        rows,
        (from, to) => `INSERT INTO t SELECT ${smallRow("g")} FROM generate_series(${from}, ${to}) g`,
      ),
    ],
  },
  {
    name: "large-rows",
    description: "rows of 4 kB, 1,000 a transaction",
    rows: 100_000,
    setup: () => "CREATE TABLE t (id bigint PRIMARY KEY, body text)",
    fill: (rows) => [
      inThousands(
        rows,
        (from, to) =>
          `INSERT INTO t SELECT g, (SELECT string_agg(md5((g * 128 + n)::text), '') FROM generate_series(1, 128) n)
             FROM generate_series(${from}, ${to}) g`,
      ),
    ],
  },
  {
    name: "one-transaction",
    description: "rows of 140 bytes, all in one transaction",
    rows: 1_000_000,
    setup: () => `CREATE TABLE t (${SMALL_COLUMNS})`,
    fill: (rows) => [`INSERT INTO t SELECT ${smallRow("g")} FROM generate_series(1, ${rows}) g`],
  },
  {
    name: "100-tables",
    description: "rows of 140 bytes over 100 tables, 1,000 a transaction, 10 a table",
    rows: 1_000_000,
    setup: () => Array.from({ length: 100 }, (_, n) => `CREATE TABLE t${n} (${SMALL_COLUMNS})`).join(";"),
    fill: (rows) => [
      `DO $$ BEGIN FOR i IN 0..${Math.ceil(rows / 1000) - 1} LOOP
         FOR n IN 0..99 LOOP
           EXECUTE format('INSERT INTO t%s SELECT ${
        smallRow("g").replaceAll("'", "''").replaceAll("%", "%%")
      } FROM generate_series(%s, %s) g',
                          n, i * 10 + 1, i * 10 + 10);
         END LOOP; COMMIT; END LOOP; END $$`,
    ],
  },
  {
    name: "full-updates",
    description: "updates of rows of 140 bytes, replica identity full, 1,000 a transaction",
    rows: 500_000,
    setup: (rows) =>
      `CREATE TABLE t (${SMALL_COLUMNS}); ALTER TABLE t REPLICA IDENTITY FULL;
       INSERT INTO t SELECT ${smallRow("g")} FROM generate_series(1, ${rows}) g`,
    fill: (
      rows,
    ) => [
      inThousands(rows, (from, to) => `UPDATE t SET active = NOT active WHERE id BETWEEN ${from} AND ${to}`),
    ],
  },
];
