// The one table of all variables: loader, documents and examples are made from it.

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

/** Every variable of the program, in the documents' order. */
export const VARIABLES = {
  PG_HOST: defaulted(
    list("host name, address or folder of a Unix socket; several separated by commas", parsePostgresHost),
    "localhost",
    {
      help:
        "Host that PostgreSQL runs on; of several the first that takes writes is used, at each reconnect.",
    },
  ),
  PG_PORT: defaulted(integers("port", 1, 65535), 5432, {
    help:
      "Port that PostgreSQL listens on; for several hosts one for all, or one for each, separated by commas.",
  }),
  PG_DATABASE: required(text("name", checkPostgresName), {
    help: "Database whose changes are captured.",
    example: "mydb",
    alsoKnownAs: ["PG_DB", "PG_DBNAME", "PG_NAME", "PGDATABASE", "POSTGRES_DB", "DATABASE_URL"],
  }),
  PG_USERNAME: required(text("name", checkPostgresName), {
    help: "Role to log in as; it needs the REPLICATION attribute.",
    example: "replicator",
    alsoKnownAs: ["PG_USER", "PG_ROLE", "PGUSER", "POSTGRES_USER"],
  }),
  PG_PASSWORD: mostlyRequired(secret(), "~/.pgpass, a client certificate or a Unix socket serves", {
    help: "Password of the role; without it, ~/.pgpass (or the file that PGPASSFILE names) is looked into.",
    example: "change-me",
    alsoKnownAs: ["PG_PASS", "PG_PWD", "PGPASSWORD", "POSTGRES_PASSWORD"],
  }),
  PG_PUBLICATION: defaulted(text("name", checkPostgresName), "pg_replicate_kafka_pub", {
    help: "Publication that says which tables are captured; it must exist, unless PG_TABLES is set.",
  }),
  PG_TABLES: optional(list("tables separated by commas", parseTablePattern), {
    help:
      "Tables to capture; when set, the publication is made and kept to these. A star stands for anything.",
    example: "public.users,sales.*",
  }),
  PG_MESSAGES: defaulted(messagePrefixes(), "off", {
    help:
      "Logical messages (pg_logical_emit_message) to capture, by prefix; any role that can log in can emit them.",
    example: "orders,audit",
  }),
  PG_SLOT_NAME: defaulted(text("a-z, 0-9 and _, at most 63", checkSlotName), "pg_replicate_kafka_slot", {
    help: "Replication slot to read; made when absent.",
    alsoKnownAs: ["PG_SLOT"],
  }),
  PG_SLOT_FAILOVER: defaulted(flag(), false, {
    help:
      "Whether a slot that is made is kept on standbys, so that a failover keeps it (PostgreSQL 17 and later).",
  }),
  PG_CONNECT_TIMEOUT_SECS: defaulted(integer("seconds", 1, HOUR_SECS), 30, {
    help:
      "The longest a connection to PostgreSQL may take to be made; half of it, the longest silence in it.",
  }),
  PG_SSL_MODE: defaulted(choice("disable", "prefer", "require", "verify-ca", "verify-full"), "disable", {
    help: "TLS towards PostgreSQL, with libpq's meaning of each word.",
    alsoKnownAs: ["PGSSLMODE"],
  }),
  PG_SSL_ROOT_CERT: optional(path(), {
    help:
      "Certificates (PEM) that PostgreSQL's certificate is checked against; system: those that the system trusts.",
    example: "/etc/pg-capture/postgres-ca.pem",
    defaultNote: "~/.postgresql/root.crt, if it is there",
    alsoKnownAs: ["PGSSLROOTCERT"],
  }),
  PG_SSL_CERT: optional(path(), {
    help: "Client certificate (PEM) for PostgreSQL.",
    example: "/etc/pg-capture/postgres.pem",
    defaultNote: "~/.postgresql/postgresql.crt, if it is there",
    alsoKnownAs: ["PGSSLCERT"],
  }),
  PG_SSL_KEY: optional(path(), {
    help: "Key (PEM, without a passphrase) of the client certificate for PostgreSQL.",
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
    help: "Brokers to begin with; the others are found through them. Without a port: 9092.",
    example: "localhost:9092",
    alsoKnownAs: ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_HOSTS", "KAFKA_HOST", "KAFKA_SERVERS", "KAFKA_URL"],
  }),
  KAFKA_TOPIC_PREFIX: defaulted(text("letters, digits, dots, _ and -", checkTopicPrefix), "cdc", {
    help: "First part of the topics' names: {prefix}.{schema}.{table}.",
  }),
  KAFKA_DELIVERY: defaulted(choice("exactly-once", "at-least-once"), "exactly-once", {
    help: "at-least-once works without Kafka transactions; KAFKA_ACKS 0 or 1 forces it, with a warning.",
  }),
  KAFKA_COMPRESSION: defaulted(choice("none", "gzip", "snappy", "lz4", "zstd"), "snappy", {
    help: "Compression of the record batches.",
  }),
  KAFKA_ACKS: defaulted(choice("0", "1", "all"), "all", {
    help: "How many replicas must have a batch before it counts as delivered: none, the leader, all in sync.",
  }),
  KAFKA_LINGER_MS: defaulted(integer("milliseconds", 0, 60_000), 100, {
    help: "The longest a change waits for company before it is sent.",
  }),
  KAFKA_BATCH_SIZE: defaulted(integer("bytes", 1, GIBIBYTE), 16384, {
    help: "Bytes that are enough to send without waiting.",
  }),
  KAFKA_BUFFER_MEMORY: defaulted(integer("bytes", 2048, 4 * GIBIBYTE), 33554432, {
    help: "Bytes held undelivered; at the bound, reading from PostgreSQL pauses.",
  }),
  KAFKA_MAX_MESSAGE_BYTES: defaulted(integer("bytes", 1024, GIBIBYTE), 1048576, {
    help: "The broker's limit for one batch (message.max.bytes); for larger rows see KAFKA_OVERSIZE.",
  }),
  KAFKA_OVERSIZE: defaulted(choice("stop", "dead-letter"), "stop", {
    help:
      "What becomes of a row above the limit, or without a usable topic: stop, or a pointer goes to {prefix}.dead-letter.",
  }),
  KAFKA_TOPIC_PARTITIONS: optional(integer("", 1, 100_000), {
    help: "Partitions of the topics that pg-capture makes.",
    defaultNote: "the broker's",
    example: "6",
  }),
  KAFKA_TOPIC_REPLICATION_FACTOR: optional(integer("", 1, 1000), {
    help: "Replicas of the topics that pg-capture makes.",
    defaultNote: "the broker's",
    example: "3",
  }),
  KAFKA_TOMBSTONES: optional(flag(), {
    help: "Whether a null value follows a delete, for compacted topics.",
    defaultNote: "by FORMAT: native false, debezium true",
    example: "true",
  }),
  KAFKA_SECURITY_PROTOCOL: defaulted(choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), "PLAINTEXT", {
    help: "How the brokers are spoken to: SSL is TLS, SASL is a login.",
  }),
  KAFKA_SASL_MECHANISM: optional(choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"), {
    help: "How to log in to Kafka.",
    example: "SCRAM-SHA-512",
  }),
  KAFKA_SASL_USERNAME: optional(text("name"), {
    help: "User to log in to Kafka as.",
    example: "pg-capture",
    alsoKnownAs: ["KAFKA_USERNAME", "KAFKA_USER"],
  }),
  KAFKA_SASL_PASSWORD: optional(secret(), {
    help: "Password of that user.",
    example: "change-me",
    alsoKnownAs: ["KAFKA_PASSWORD"],
  }),
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: optional(
    text("https URL; http on this machine only", checkTokenEndpoint),
    {
      help: "Where OAUTHBEARER gets its tokens, with the grant client_credentials.",
      example: "https://login.example.com/oauth2/token",
    },
  ),
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA: optional(path(), {
    help: "Certificates (PEM) that the token endpoint's certificate is checked against, too.",
    defaultNote: "the public authorities",
    example: "/etc/pg-capture/login-ca.pem",
  }),
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: optional(text("name"), {
    help: "Client that tokens are asked for as.",
    example: "pg-capture",
  }),
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: optional(secret(), {
    help: "Secret of that client.",
    example: "change-me",
  }),
  KAFKA_SASL_OAUTHBEARER_SCOPE: optional(text("words"), {
    help: "Scope that tokens are asked for with.",
    example: "kafka",
  }),
  KAFKA_SSL_CA: optional(path(), {
    help:
      "Certificates (PEM) of the authorities that the brokers' certificates have to be of; no others count.",
    defaultNote: "the public authorities",
    example: "/etc/pg-capture/kafka-ca.pem",
  }),
  KAFKA_SSL_CERT: optional(path(), {
    help: "Client certificate (PEM) for Kafka.",
    example: "/etc/pg-capture/kafka.pem",
  }),
  KAFKA_SSL_KEY: optional(path(), {
    help: "Key (PEM, not encrypted) of the client certificate for Kafka.",
    example: "/etc/pg-capture/kafka-key.pem",
  }),
  KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM: defaulted(choice("https", "none"), "https", {
    help:
      "https: a broker's certificate has to be for the name that it was reached by. none: for any, with a warning.",
  }),

  REPLICATION_POLL_INTERVAL_MS: defaulted(integer("milliseconds", 10, 60_000), 100, {
    help: "Pause between tries where something must be awaited, such as a slot that another instance holds.",
  }),
  REPLICATION_KEEPALIVE_INTERVAL_SECS: defaulted(integer("seconds", 1, HOUR_SECS), 10, {
    help:
      "At most this long between status updates to PostgreSQL; never above half of its wal_sender_timeout.",
  }),
  REPLICATION_CHECKPOINT_INTERVAL_SECS: defaulted(integer("seconds", 1, HOUR_SECS), 10, {
    help: "At most this long between checkpoint writes while idle.",
  }),
  REPLICATION_CHECKPOINT_FILE: optional(path(), {
    help: "The Deno KV file that holds the checkpoint.",
    defaultNote: "checkpoint.kv in the state directory",
    example: "/var/lib/pg-capture/checkpoint.kv",
  }),
  REPLICATION_MAX_BUFFER_SIZE: defaulted(integer("changes", 1, 10_000_000), 20_000, {
    help: "Changes held undelivered; at the bound, reading from PostgreSQL pauses.",
  }),

  SNAPSHOT_MODE: defaulted(choice("initial", "never"), "never", {
    help: "initial: send the rows that are already there first.",
    onlyNow: ["never"],
  }),

  FORMAT: defaulted(choice("native", "debezium"), "native", {
    help: "The messages' form: pg-capture's own, or Debezium's JSON, field for field.",
    onlyNow: ["native"],
  }),

  LOG_LEVEL: defaulted(choice("error", "warn", "info", "debug", "trace"), "info", {
    help: "The least important messages that are still logged.",
  }),
  LOG_FORMAT: defaulted(choice("plain", "json"), "plain", { help: "plain for people, json for machines." }),

  METRICS_HOST: defaulted(text("host name or address", checkHost), "127.0.0.1", {
    help: "Address that metrics, health and status page are served on.",
  }),
  METRICS_PORT: defaulted(integer("port", 0, 65535), 9090, {
    help: "Port that metrics, health and status page are served on; 0 turns it off.",
  }),
  METRICS_ALLOWED_HOSTS: optional(list("host names separated by commas", parseAllowedHost), {
    help:
      "Names that requests may call the port by, beside addresses, localhost, METRICS_HOST and the machine's.",
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

/** Whether `name` is a variable of the program. */
export function isVariableName(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name);
}

/** Whether the variable's value must not be printed. */
export function isSecret(name: VariableName): boolean {
  return VARIABLES[name].syntax.secret === true;
}
