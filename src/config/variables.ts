// The table of all variables. The loader, the documents and the examples derive from it.

import {
  checkHost,
  checkPostgresName,
  checkSlotName,
  checkTokenEndpoint,
  checkTopicPrefix,
  parseAllowedHost,
  parseBroker,
  parsePostgresHost,
  parseTablePattern,
} from "./names.ts";
import { messagePrefixes } from "./message_prefixes.ts";
import { requiredAuth } from "./require_auth.ts";
import { choice, flag, integer, integers, list, path, secret, text } from "./syntax.ts";
import { defaulted, mostlyRequired, optional, required, type Variable } from "./variable.ts";

const HOUR_SECS = 3600;
const GIBIBYTE = 2 ** 30;

/** All variables, in the documents' order. */
export const VARIABLES = {
  PG_HOST: defaulted(
    list("host name, address or directory of a Unix socket; several separated by commas", parsePostgresHost),
    "localhost",
    {
      help: "PostgreSQL host. If several are listed, each connection uses the first that accepts writes.",
    },
  ),
  PG_PORT: defaulted(integers("port", 1, 65535), 5432, {
    help: "PostgreSQL port. With several hosts: one port for all, or one for each, separated by commas.",
  }),
  PG_DATABASE: required(text("name", checkPostgresName), {
    help: "Database to capture changes from.",
    example: "mydb",
    alsoKnownAs: ["PG_DB", "PG_DBNAME", "PG_NAME", "PGDATABASE", "POSTGRES_DB", "DATABASE_URL"],
  }),
  PG_USERNAME: required(text("name", checkPostgresName), {
    help: "Role to log in as. It needs the REPLICATION attribute.",
    example: "replicator",
    alsoKnownAs: ["PG_USER", "PG_ROLE", "PGUSER", "POSTGRES_USER"],
  }),
  PG_PASSWORD: mostlyRequired(
    secret(),
    "~/.pgpass, a client certificate or a Unix socket can be used instead",
    {
      help:
        "Password of the role. If it is not set, ~/.pgpass (or the file that PGPASSFILE names) is searched.",
      example: "change-me",
      alsoKnownAs: ["PG_PASS", "PG_PWD", "PGPASSWORD", "POSTGRES_PASSWORD"],
    },
  ),
  PG_PUBLICATION: defaulted(text("name", checkPostgresName), "pg_replicate_kafka_pub", {
    help: "Publication that defines which tables are captured. It must exist, unless PG_TABLES is set.",
  }),
  PG_TABLES: optional(list("tables separated by commas", parseTablePattern), {
    help:
      "Tables to capture. If set, pg-capture creates the publication and keeps it in sync. A star matches anything.",
    example: "public.users,sales.*",
  }),
  PG_MESSAGES: defaulted(messagePrefixes(), "off", {
    help:
      "Logical messages (pg_logical_emit_message) to capture, by prefix; any role that can log in can emit them.",
    example: "orders,audit",
  }),
  PG_SLOT_NAME: defaulted(text("a-z, 0-9 and _, at most 63", checkSlotName), "pg_replicate_kafka_slot", {
    help: "Replication slot to read. Created if it does not exist.",
    alsoKnownAs: ["PG_SLOT"],
  }),
  PG_SLOT_FAILOVER: defaulted(flag(), false, {
    help:
      "Whether a new slot is synchronized to standbys, so that it survives a failover (PostgreSQL 17 and later).",
  }),
  PG_CONNECT_TIMEOUT_SECS: defaulted(integer("seconds", 1, HOUR_SECS), 30, {
    help: "Timeout for connecting to PostgreSQL. Half of it is the longest silence allowed on a connection.",
  }),
  PG_SSL_MODE: defaulted(choice("disable", "prefer", "require", "verify-ca", "verify-full"), "disable", {
    help: "TLS for connections to PostgreSQL. The values mean the same as in libpq.",
    alsoKnownAs: ["PGSSLMODE"],
  }),
  PG_SSL_ROOT_CERT: optional(path(), {
    help:
      "CA certificates (PEM) that verify PostgreSQL's certificate. system: the certificates that the system trusts.",
    example: "/etc/pg-capture/postgres-ca.pem",
    defaultNote: "~/.postgresql/root.crt, if it exists",
    alsoKnownAs: ["PGSSLROOTCERT"],
  }),
  PG_SSL_CERT: optional(path(), {
    help: "Client certificate (PEM) for PostgreSQL.",
    example: "/etc/pg-capture/postgres.pem",
    defaultNote: "~/.postgresql/postgresql.crt, if it exists",
    alsoKnownAs: ["PGSSLCERT"],
  }),
  PG_SSL_KEY: optional(path(), {
    help: "Private key (PEM, without a passphrase) of the client certificate for PostgreSQL.",
    example: "/etc/pg-capture/postgres-key.pem",
    defaultNote: "~/.postgresql/postgresql.key",
    alsoKnownAs: ["PGSSLKEY"],
  }),
  PG_REQUIRE_AUTH: optional(requiredAuth(), {
    help:
      "How the server must log the role in, as libpq has it; password sends it in cleartext over any connection.",
    example: "scram-sha-256",
    alsoKnownAs: ["PGREQUIREAUTH"],
  }),
  PG_CHANNEL_BINDING: defaulted(choice("disable", "prefer", "require"), "prefer", {
    help:
      "Whether SCRAM is bound to PostgreSQL's certificate; require: nobody on the way can end TLS unnoticed.",
    alsoKnownAs: ["PGCHANNELBINDING"],
  }),

  KAFKA_BROKERS: required(list("host:port separated by commas", parseBroker), {
    help: "Brokers to connect to first. The others are discovered through them. The default port is 9092.",
    example: "localhost:9092",
    alsoKnownAs: ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_HOSTS", "KAFKA_HOST", "KAFKA_SERVERS", "KAFKA_URL"],
  }),
  KAFKA_TOPIC_PREFIX: defaulted(text("letters, digits, dots, _ and -", checkTopicPrefix), "cdc", {
    help: "First part of topic names: {prefix}.{schema}.{table}.",
  }),
  KAFKA_DELIVERY: defaulted(choice("exactly-once", "at-least-once"), "exactly-once", {
    help:
      "Delivery guarantee. at-least-once does not use Kafka transactions; KAFKA_ACKS 0 or 1 implies it, with a warning.",
  }),
  KAFKA_COMPRESSION: defaulted(choice("none", "gzip", "snappy", "lz4", "zstd"), "snappy", {
    help: "Compression of record batches.",
  }),
  KAFKA_ACKS: defaulted(choice("0", "1", "all"), "all", {
    help:
      "Replicas that must have a batch before it counts as delivered: none, the leader, or all in-sync replicas.",
  }),
  KAFKA_LINGER_MS: defaulted(integer("milliseconds", 0, 60_000), 100, {
    help: "The longest time a change waits for its batch to fill.",
  }),
  KAFKA_BATCH_SIZE: defaulted(integer("bytes", 1, GIBIBYTE), 16384, {
    help: "A batch of this size is sent without waiting for KAFKA_LINGER_MS.",
  }),
  KAFKA_BUFFER_MEMORY: defaulted(integer("bytes", 2048, 4 * GIBIBYTE), 33554432, {
    help: "Limit for undelivered bytes. While it is reached, reading from PostgreSQL pauses.",
  }),
  KAFKA_MAX_MESSAGE_BYTES: defaulted(integer("bytes", 1024, GIBIBYTE), 1048576, {
    help: "The broker's limit for one batch (message.max.bytes). For larger rows, see KAFKA_OVERSIZE.",
  }),
  KAFKA_OVERSIZE: defaulted(choice("stop", "dead-letter"), "stop", {
    help:
      "What to do with a row above the limit or without a usable topic: stop, or send a pointer to {prefix}.dead-letter.",
  }),
  KAFKA_TOPIC_PARTITIONS: optional(integer("", 1, 100_000), {
    help: "Number of partitions of the topics that pg-capture creates.",
    defaultNote: "the broker's",
    example: "6",
  }),
  KAFKA_TOPIC_REPLICATION_FACTOR: optional(integer("", 1, 1000), {
    help: "Replication factor of the topics that pg-capture creates.",
    defaultNote: "the broker's",
    example: "3",
  }),
  KAFKA_TOMBSTONES: optional(flag(), {
    help: "Whether a tombstone (null value) follows each delete, for compacted topics.",
    defaultNote: "depends on FORMAT: native false, debezium true",
    example: "true",
  }),
  KAFKA_SECURITY_PROTOCOL: defaulted(choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), "PLAINTEXT", {
    help: "Protocol for connections to brokers. SSL stands for TLS, SASL for authentication.",
  }),
  KAFKA_SASL_MECHANISM: optional(choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"), {
    help: "SASL mechanism for the login to Kafka.",
    example: "SCRAM-SHA-512",
  }),
  KAFKA_SASL_USERNAME: optional(text("name"), {
    help: "User name for the login to Kafka.",
    example: "pg-capture",
    alsoKnownAs: ["KAFKA_USERNAME", "KAFKA_USER"],
  }),
  KAFKA_SASL_PASSWORD: optional(secret(), {
    help: "Password of that user.",
    example: "change-me",
    alsoKnownAs: ["KAFKA_PASSWORD"],
  }),
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: optional(
    text("https URL; http for localhost only", checkTokenEndpoint),
    {
      help: "Token endpoint for OAUTHBEARER (client credentials grant).",
      example: "https://login.example.com/oauth2/token",
    },
  ),
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA: optional(path(), {
    help: "Additional CA certificates (PEM) that verify the token endpoint's certificate.",
    defaultNote: "the public authorities",
    example: "/etc/pg-capture/login-ca.pem",
  }),
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: optional(text("name"), {
    help: "Client ID for requesting tokens.",
    example: "pg-capture",
  }),
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: optional(secret(), {
    help: "Client secret for requesting tokens.",
    example: "change-me",
  }),
  KAFKA_SASL_OAUTHBEARER_SCOPE: optional(text("words"), {
    help: "Scope of the requested tokens.",
    example: "kafka",
  }),
  KAFKA_SSL_CA: optional(path(), {
    help: "CA certificates (PEM) that verify the brokers' certificates. No other authorities are trusted.",
    defaultNote: "the public authorities",
    example: "/etc/pg-capture/kafka-ca.pem",
  }),
  KAFKA_SSL_CERT: optional(path(), {
    help: "Client certificate (PEM) for Kafka.",
    example: "/etc/pg-capture/kafka.pem",
  }),
  KAFKA_SSL_KEY: optional(path(), {
    help: "Private key (PEM, not encrypted) of the client certificate for Kafka.",
    example: "/etc/pg-capture/kafka-key.pem",
  }),
  KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM: defaulted(choice("https", "none"), "https", {
    help:
      "https: a broker's certificate must match its host name. none: the host name is not verified, with a warning.",
  }),

  REPLICATION_POLL_INTERVAL_MS: defaulted(integer("milliseconds", 10, 60_000), 100, {
    help: "Pause between polls, such as for a slot that another instance holds.",
  }),
  REPLICATION_KEEPALIVE_INTERVAL_SECS: defaulted(integer("seconds", 1, HOUR_SECS), 10, {
    help:
      "Longest time between status updates to PostgreSQL. Never more than half of its wal_sender_timeout.",
  }),
  REPLICATION_CHECKPOINT_INTERVAL_SECS: defaulted(integer("seconds", 1, HOUR_SECS), 10, {
    help: "Longest time between checkpoint writes while idle.",
  }),
  REPLICATION_CHECKPOINT_FILE: optional(path(), {
    help: "The Deno KV file that holds the checkpoint.",
    defaultNote: "checkpoint.kv in the state directory",
    example: "/var/lib/pg-capture/checkpoint.kv",
  }),
  REPLICATION_MAX_BUFFER_SIZE: defaulted(integer("changes", 1, 10_000_000), 20_000, {
    help: "Limit for undelivered changes. While it is reached, reading from PostgreSQL pauses.",
  }),

  SNAPSHOT_MODE: defaulted(choice("never", "initial", "only"), "never", {
    help:
      "initial: send the rows that tables already hold, each table once, later tables too. only: the same, then exit.",
  }),
  SNAPSHOT_TABLES: optional(list("tables separated by commas", parseTablePattern), {
    help: "Tables that SNAPSHOT_MODE is about. A star matches anything.",
    defaultNote: "all published tables",
    example: "public.users,sales.*",
  }),
  SNAPSHOT_READERS: defaulted(integer("connections", 1, 16), 2, {
    help: "Connections that read tables side by side.",
  }),
  SNAPSHOT_ROWS_PER_SECOND: optional(integer("rows", 1, 100_000_000), {
    help: "Limit for the rows that snapshots read from PostgreSQL, to spare a busy server.",
    defaultNote: "unlimited",
    example: "20000",
  }),

  FORMAT: defaulted(choice("native", "debezium"), "native", {
    help: "Message format: pg-capture's own, or Debezium's JSON, field for field.",
    onlyNow: ["native"],
  }),

  LOG_LEVEL: defaulted(choice("error", "warn", "info", "debug", "trace"), "info", {
    help: "Least severe level that is logged.",
  }),
  LOG_FORMAT: defaulted(choice("plain", "json"), "plain", {
    help: "Log format: plain for people, json for machines.",
  }),

  METRICS_HOST: defaulted(text("host name or address", checkHost), "127.0.0.1", {
    help: "Address to serve metrics, health and status page on.",
  }),
  METRICS_PORT: defaulted(integer("port", 0, 65535), 9090, {
    help: "Port to serve metrics, health and status page on. 0 turns the server off.",
  }),
  METRICS_ALLOWED_HOSTS: optional(list("host names separated by commas", parseAllowedHost), {
    help:
      "Host names accepted in requests, besides IP addresses, localhost, METRICS_HOST and the machine's name.",
    example: "pg-capture.monitoring.svc,*.example.internal",
  }),
} as const;

/** The name of a variable. */
export type VariableName = keyof typeof VARIABLES;

/** The values of all variables. */
export type Values = {
  readonly [Name in VariableName]: (typeof VARIABLES)[Name] extends Variable<infer T> ? T : never;
};

/** All names, in the documents' order. */
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly VariableName[];

/** Whether `name` is a variable of pg-capture. */
export function isVariableName(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name);
}

/** Whether the variable's value must not be printed. */
export function isSecret(name: VariableName): boolean {
  return VARIABLES[name].syntax.secret === true;
}
