// How `with_servers.ts` tells a command which servers it may use: two variables of its environment. And two that say
// of which versions they are.

import type { PostgresAddress } from "./postgres.ts";
import { isPostgresMajor, type PostgresMajor } from "./postgres_binaries.ts";
import { DevServerError } from "./tools.ts";

const POSTGRES_URL = "PG_CAPTURE_DEV_POSTGRES_URL";
const BROKERS = "PG_CAPTURE_DEV_BROKERS";
const POSTGRES_MAJOR = "PG_CAPTURE_DEV_POSTGRES_MAJOR";
const KAFKA_VERSION = "PG_CAPTURE_DEV_KAFKA_VERSION";

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

/** The PostgreSQL to start, where one is asked for: 14 to 18. @throws DevServerError for another */
export function chosenPostgres(): { readonly major?: PostgresMajor } {
  const text = Deno.env.get(POSTGRES_MAJOR);
  if (text === undefined || text === "") return {};
  const major = Number(text);
  if (!isPostgresMajor(major)) {
    throw new DevServerError(`Cannot start PostgreSQL "${text}": ${POSTGRES_MAJOR} is one of 14 to 18`);
  }
  return { major };
}

/** The Kafka to start, where one is asked for: a version of org.apache.kafka:kafka_2.13. */
export function chosenKafka(): { readonly version?: string } {
  const version = Deno.env.get(KAFKA_VERSION);
  return version === undefined || version === "" ? {} : { version };
}
