// The servers that the demo works with: its own, or those that PG_HOST and KAFKA_BROKERS name.

import { kafkaClient } from "../servers/kafka_client.ts";
import { startKafka } from "../servers/kafka.ts";
import { type PostgresAddress, startPostgres } from "../servers/postgres.ts";
import { DevServerError } from "../servers/tools.ts";

/** Where the demo works, and under which names. */
export interface Places extends AsyncDisposable {
  readonly postgres: PostgresAddress;
  /** `host:port`, comma-separated. */
  readonly brokers: string;
  /** Whether the server is somebody's: what the demo makes there is dropped in the end. */
  readonly isPostgresShared: boolean;
  readonly isKafkaShared: boolean;
  readonly schema: string;
  readonly publication: string;
  readonly slot: string;
  readonly topicPrefix: string;
}

/**
 * Starts what is not given.
 * @param tell called with a line for the screen
 * @throws DevServerError
 */
export async function openPlaces(tell: (line: string) => void): Promise<Places> {
  const given = { postgres: givenPostgres(), brokers: setting("KAFKA_BROKERS") };
  const started: AsyncDisposable[] = [];
  const close = async () => {
    await Promise.all(started.map((server) => server[Symbol.asyncDispose]()));
  };
  const begin = performance.now();
  const seconds = () => `${((performance.now() - begin) / 1000).toFixed(1)} s`;
  const postgres = async () => {
    if (given.postgres !== undefined) return given.postgres;
    const server = await startPostgres({ onProgress: tell });
    started.push(server);
    tell(`PostgreSQL ${server.major} is up on ${server.host}:${server.port} after ${seconds()}`);
    return server;
  };
  const brokers = async () => {
    if (given.brokers !== undefined) {
      await requireKafka(given.brokers);
      return given.brokers;
    }
    const server = await startKafka({ onProgress: tell });
    started.push(server);
    tell(`Kafka ${server.version} is up on ${server.bootstrap} after ${seconds()}`);
    return server.bootstrap;
  };
  const [postgresResult, brokersResult] = await Promise.allSettled([postgres(), brokers()]);
  if (postgresResult.status === "rejected" || brokersResult.status === "rejected") {
    await close();
    throw postgresResult.status === "rejected"
      ? postgresResult.reason
      : (brokersResult as PromiseRejectedResult).reason;
  }
  return {
    postgres: postgresResult.value,
    brokers: brokersResult.value,
    isPostgresShared: given.postgres !== undefined,
    isKafkaShared: given.brokers !== undefined,
    ...(given.postgres === undefined ? OWN_NAMES : SHARED_NAMES),
    topicPrefix: given.brokers === undefined ? "cdc" : `pg-capture-demo-${crypto.randomUUID().slice(0, 8)}`,
    [Symbol.asyncDispose]: close,
  };
}

/** pg-capture's defaults. */
const OWN_NAMES = {
  schema: "public",
  publication: "pg_replicate_kafka_pub",
  slot: "pg_replicate_kafka_slot",
};
/** Nothing of this name is anybody's but the demo's. */
const SHARED_NAMES = { schema: "capture_demo", publication: "capture_demo", slot: "capture_demo" };

function givenPostgres(): PostgresAddress | undefined {
  const host = setting("PG_HOST");
  if (host === undefined) return undefined;
  const [database, user, password] = ["PG_DATABASE", "PG_USERNAME", "PG_PASSWORD"].map(setting);
  if (database === undefined || user === undefined || password === undefined) {
    throw new DevServerError(
      "Cannot use the PostgreSQL of PG_HOST: set PG_DATABASE, PG_USERNAME and PG_PASSWORD too, or unset PG_HOST.",
    );
  }
  return { host, port: Number(setting("PG_PORT") ?? 5432), database, user, password };
}

async function requireKafka(brokers: string): Promise<void> {
  const admin = kafkaClient(brokers).admin({ retry: { retries: 3 } });
  try {
    await admin.connect();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new DevServerError(`Cannot connect to the Kafka of KAFKA_BROKERS at ${brokers}: ${found}`);
  } finally {
    await admin.disconnect();
  }
}

function setting(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}
