// Makes a backlog, with a slot before it for each reader that will work through it.

import type { Admin } from "kafkajs";
import type { PostgresAddress } from "../dev/servers/postgres.ts";
import { delay } from "../dev/servers/server_process.ts";
import { sql } from "../dev/servers/psql.ts";
import type { BenchCase } from "./cases.ts";
import type { Servers } from "./servers.ts";

/** A backlog in a database of its own. */
export interface Backlog {
  readonly postgres: PostgresAddress;
  readonly brokers: string;
  readonly publication: string;
  readonly rows: number;
  readonly tables: readonly string[];
  /** The end of WAL behind the backlog. */
  readonly endLsn: string;
}

/** The table whose only row comes after all others: its arrival is the end of a run. */
export const LAST_TABLE = "the_last";

/**
 * Makes tables, publication, slots and rows, in this order.
 * @param slots names for the slots that stand before the rows
 */
export async function makeBacklog(
  { postgres, kafka }: Servers,
  benchCase: BenchCase,
  rows: number,
  slots: readonly string[],
): Promise<Backlog> {
  const database = `bench_${benchCase.name.replaceAll("-", "_")}`;
  await using server = await sql(postgres);
  await server.exec(`DROP DATABASE IF EXISTS ${database}`);
  await server.exec(`CREATE DATABASE ${database}`);
  const { host, port, user, password } = postgres;
  const address = { host, port, user, password, database };
  await using connection = await sql(address);
  await connection.exec(benchCase.setup(rows));
  await connection.exec(`CREATE TABLE ${LAST_TABLE} (id int PRIMARY KEY)`);
  await connection.exec("CREATE PUBLICATION bench FOR ALL TABLES");
  for (const slot of slots) {
    await connection.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  }
  for (const statement of benchCase.fill(rows)) await connection.exec(statement);
  await connection.exec(`INSERT INTO ${LAST_TABLE} VALUES (1)`);
  await connection.exec("CHECKPOINT");
  const endLsn = await connection.value("SELECT pg_current_wal_lsn()") ?? "0/0";
  const tables = await connection.rows("SELECT tablename FROM pg_publication_tables WHERE pubname = 'bench'");
  return {
    ...{ postgres: address, brokers: kafka.bootstrap, publication: "bench", rows, endLsn },
    tables: tables.map(({ tablename }) => tablename ?? "").filter((name) => name !== LAST_TABLE),
  };
}

/** Lets PostgreSQL drop the WAL that a slot holds; whoever held the slot may just be leaving. */
export async function dropSlot({ postgres }: Backlog, slot: string): Promise<void> {
  await using connection = await sql(postgres);
  while (
    await connection.value("SELECT active::text FROM pg_replication_slots WHERE slot_name = $1", [slot]) ===
      "true"
  ) await delay(20);
  await connection.rows("SELECT pg_drop_replication_slot($1)", [slot]);
}

/** Records in topics; the control records of transactions are counted too. */
export async function recordsIn(admin: Admin, topics: readonly string[]): Promise<number> {
  let count = 0;
  for (const topic of topics) {
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => []);
    for (const { high, low } of offsets) count += Number(high) - Number(low);
  }
  return count;
}
