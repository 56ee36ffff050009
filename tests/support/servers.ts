// A PostgreSQL and a Kafka for tests, shared, and what keeps tests apart on them: a database, a slot, a topic prefix.

import { tempFolder } from "../../dev/servers/janitor.ts";
import { kafkaClient } from "../../dev/servers/kafka_client.ts";
import { startKafka } from "../../dev/servers/kafka.ts";
import { type PostgresAddress, startPostgres } from "../../dev/servers/postgres.ts";
import { givenBrokers, givenPostgres } from "../../dev/servers/servers_environment.ts";
import { type Sql, sql } from "../../dev/servers/psql.ts";
import { createSecondSlot } from "./second_slot.ts";

/** Servers to test against. */
export interface Servers {
  readonly postgres: PostgresAddress;
  /** `host:port`. */
  readonly brokers: string;
}

/**
 * The servers that dev/servers/with_servers.ts started for this run; else, at the first call in a test file, new
 * ones, which end with the file. Don't stop or freeze them: a test that does that starts its own.
 */
export function sharedServers(): Promise<Servers> {
  return shared ??= findServers();
}

/** What one test works in. */
export interface TestBed extends AsyncDisposable {
  /** The address of its own database. */
  readonly postgres: PostgresAddress;
  readonly brokers: string;
  readonly slot: string;
  readonly publication: string;
  readonly topicPrefix: string;
  /** For checkpoints and configuration files. */
  readonly folder: string;
  /** The environment of a pg-capture that works here. */
  readonly env: Readonly<Record<string, string>>;
  /** A connection to its database. */
  readonly sql: Sql;
  /** Whether the oracle has a second slot to read. */
  readonly hasSecondSlot: boolean;
}

/** What can be chosen about a test bed. */
export interface TestBedOptions {
  /** Servers of the test's own. */
  readonly servers?: Servers;
  /** Whether to make the publication, for all tables; true when not given. */
  readonly publish?: boolean;
  /** Whether a second slot is kept for the oracle, which keeps WAL; false when not given. */
  readonly secondSlot?: boolean;
}

/** A fresh database with an empty publication, and names that nobody else uses. Disposing of it drops everything. */
export async function createTestBed(options: TestBedOptions = {}): Promise<TestBed> {
  const servers = options.servers ?? await sharedServers();
  const id = crypto.randomUUID().slice(0, 8);
  const database = `test_${id}`;
  const slot = `slot_${id}`;
  const publication = `pub_${id}`;
  const topicPrefix = `cdc-${id}`;
  await administer(servers.postgres, (admin) => admin.exec(`CREATE DATABASE ${database}`));
  const postgres: PostgresAddress = { ...addressOf(servers.postgres), database };
  const folder = await tempFolder("test");
  const connection = await sql(postgres);
  if (options.publish ?? true) await connection.exec(`CREATE PUBLICATION ${publication} FOR ALL TABLES`);
  const hasSecondSlot = options.secondSlot ?? false;
  if (hasSecondSlot) await createSecondSlot(connection, slot);
  return {
    postgres,
    brokers: servers.brokers,
    slot,
    publication,
    topicPrefix,
    folder,
    sql: connection,
    hasSecondSlot,
    env: {
      PG_HOST: postgres.host,
      PG_PORT: String(postgres.port),
      PG_DATABASE: database,
      PG_USERNAME: postgres.user,
      PG_PASSWORD: postgres.password,
      PG_SLOT_NAME: slot,
      PG_PUBLICATION: publication,
      KAFKA_BROKERS: servers.brokers,
      KAFKA_TOPIC_PREFIX: topicPrefix,
      REPLICATION_CHECKPOINT_FILE: `${folder}/checkpoint`,
      METRICS_PORT: "0",
    },
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      // Servers of the test's own may be down by now; they and what is on them end with the test.
      const lasting = await shared;
      if (servers.postgres.port === lasting?.postgres.port) {
        await administer(servers.postgres, (admin) => dropDatabase(admin, database));
      }
      if (servers.brokers === lasting?.brokers) await deleteTopics(servers.brokers, topicPrefix);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

let shared: Promise<Servers> | undefined;

async function findServers(): Promise<Servers> {
  const [postgres, brokers] = await Promise.all([
    givenPostgres() ?? startPostgres(),
    givenBrokers() ?? startKafka().then((kafka) => kafka.bootstrap),
  ]);
  return { postgres, brokers };
}

function addressOf({ host, port, user, password, database }: PostgresAddress): PostgresAddress {
  return { host, port, user, password, database };
}

async function administer(address: PostgresAddress, work: (admin: Sql) => Promise<void>): Promise<void> {
  await using admin = await sql(address);
  await work(admin);
}

const SLOT_RELEASE_TIMEOUT_MS = 10_000;

/** With its slots, which a database can't be dropped with, and their walsenders. */
async function dropDatabase(admin: Sql, database: string): Promise<void> {
  const deadline = Date.now() + SLOT_RELEASE_TIMEOUT_MS;
  while (Date.now() < deadline) {
    await admin.rows(
      "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = $1 AND active",
      [database],
    );
    await admin.rows(
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active",
      [database],
    );
    const left = await admin.value("SELECT count(*) FROM pg_replication_slots WHERE database = $1", [
      database,
    ]);
    if (left === "0") break;
  }
  await admin.exec(`DROP DATABASE ${database} WITH (FORCE)`);
}

async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}.`));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}
