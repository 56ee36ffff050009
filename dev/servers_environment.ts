// How `dev/with_servers.ts` tells a command which servers it may use: two variables of its environment.

import type { PostgresAddress } from "./postgres.ts";

const POSTGRES_URL = "PG_CAPTURE_DEV_POSTGRES_URL";
const BROKERS = "PG_CAPTURE_DEV_BROKERS";

/** The variables, for a command's environment. */
export function serversEnvironment(postgres: PostgresAddress, brokers: string): Record<string, string> {
  const { user, password, host, port, database } = postgres;
  return { [POSTGRES_URL]: `postgres://${user}:${password}@${host}:${port}/${database}`, [BROKERS]: brokers };
}

/** The PostgreSQL that was given to this program, if one was. */
export function givenPostgres(): PostgresAddress | undefined {
  const text = Deno.env.get(POSTGRES_URL);
  if (text === undefined) return undefined;
  const { hostname, port, username, password, pathname } = new URL(text);
  return { host: hostname, port: Number(port), user: username, password, database: pathname.slice(1) };
}

/** The Kafka that was given to this program, if one was: `host:port`. */
export function givenBrokers(): string | undefined {
  return Deno.env.get(BROKERS);
}
