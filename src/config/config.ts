// The configuration as the program uses it: grouped and typed, with units in the names.

import { strict as assert } from "node:assert";
import type { DeliveryGuarantee } from "../pipeline/ports.ts";
import type { TableRule } from "../rules/table_rule.ts";
import type { MessagePrefixes } from "./message_prefixes.ts";
import type { Broker, TablePattern } from "./names.ts";
import type { PasswordFile } from "./password_file.ts";
import type { RequiredAuth } from "./require_auth.ts";
import type { Secret } from "./secret.ts";
import type { Values } from "./variables.ts";

/** All settings. Safe to print: secrets show as `[secret]`. */
export interface Config {
  readonly pg: PgConfig;
  readonly kafka: KafkaConfig;
  readonly replication: ReplicationConfig;
  readonly snapshot: {
    readonly mode: "never" | "initial" | "only";
    /** Undefined for all published tables. */
    readonly tables: readonly TablePattern[] | undefined;
    readonly readers: number;
    /** Undefined for no limit. */
    readonly rowsPerSecond: number | undefined;
  };
  readonly format: { readonly name: "native" | "debezium" };
  /** The first rule that matches a table applies to it. */
  readonly tables: readonly TableRule[];
  readonly logging: LoggingConfig;
  readonly metrics: {
    readonly host: string;
    /** 0 turns the server off. */
    readonly port: number;
    /** Host names accepted in requests, in addition to the built-in ones. */
    readonly allowedHosts: readonly string[];
  };
}

export interface PgConfig {
  /** At least one. A host is a name, an address, or the directory of a Unix socket, which begins with a slash. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  readonly database: string;
  readonly username: string;
  readonly password: Secret | undefined;
  /** Where to look up the password if it is not set. */
  readonly passwordFile: PasswordFile | undefined;
  readonly publication: string;
  /** Undefined if pg-capture does not manage the publication. */
  readonly tables: readonly TablePattern[] | undefined;
  readonly messages: MessagePrefixes;
  readonly slotName: string;
  readonly slotFailover: boolean;
  readonly connectTimeoutMs: number;
  readonly tls: {
    readonly mode: "disable" | "prefer" | "require" | "verify-ca" | "verify-full";
    readonly rootCertFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
    /** The home directory: libpq's default files are below it. */
    readonly home: string | undefined;
    /** SSL_CERT_FILE: the certificates that the system trusts. */
    readonly systemCertFile: string | undefined;
  };
  readonly loginRules: {
    readonly requireAuth: RequiredAuth | undefined;
    readonly channelBinding: "disable" | "prefer" | "require";
  };
}

interface KafkaConfig {
  readonly brokers: readonly Broker[];
  readonly topicPrefix: string;
  /** The effective guarantee: with `acks` 0 or 1 it is at-least-once. */
  readonly delivery: DeliveryGuarantee;
  readonly compression: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  /** As in a Produce request: -1 means all in-sync replicas. */
  readonly acks: 0 | 1 | -1;
  readonly lingerMs: number;
  /** A batch of this size is sent without waiting for `lingerMs`. */
  readonly batchBytes: number;
  /** The most undelivered bytes to hold; at least twice `messageBytesMax`. */
  readonly bufferBytesMax: number;
  /** The broker's limit for one record batch. */
  readonly messageBytesMax: number;
  readonly oversize: "stop" | "dead-letter";
  /** For topics that pg-capture creates; undefined for the broker's default. */
  readonly topicPartitions: number | undefined;
  readonly topicReplicationFactor: number | undefined;
  readonly tombstones: boolean;
  readonly security: {
    readonly protocol: "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
    readonly sasl: KafkaSasl | undefined;
    /** Undefined without TLS. */
    readonly tls: KafkaTls | undefined;
  };
}

interface KafkaTls {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly verifiesHost: boolean;
}

export type KafkaSasl =
  | {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: Secret;
  }
  | {
    readonly mechanism: "OAUTHBEARER";
    readonly tokenEndpointUrl: string;
    readonly tokenEndpointCaFile: string | undefined;
    readonly clientId: string;
    readonly clientSecret: Secret;
    readonly scope: string | undefined;
  };

interface ReplicationConfig {
  readonly pollIntervalMs: number;
  readonly keepaliveIntervalMs: number;
  readonly checkpointIntervalMs: number;
  /** Its directory may not exist yet. */
  readonly checkpointFile: string;
  /** The most undelivered changes to hold. */
  readonly bufferChangesMax: number;
}

interface LoggingConfig {
  readonly level: "error" | "warn" | "info" | "debug" | "trace";
  readonly format: "plain" | "json";
}

/**
 * Builds the configuration from the values of all variables.
 * @param values already checked by `findContradictions`
 * @param stateDirectory the directory for files without a configured path
 */
export function toConfig(
  values: Values,
  { stateDirectory, env, passwordFile, tables }: {
    readonly stateDirectory: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly passwordFile: PasswordFile | undefined;
    readonly tables: readonly TableRule[];
  },
): Config {
  return {
    pg: toPgConfig(values, env, passwordFile),
    kafka: toKafkaConfig(values),
    replication: {
      pollIntervalMs: values.REPLICATION_POLL_INTERVAL_MS,
      keepaliveIntervalMs: values.REPLICATION_KEEPALIVE_INTERVAL_SECS * 1000,
      checkpointIntervalMs: values.REPLICATION_CHECKPOINT_INTERVAL_SECS * 1000,
      checkpointFile: values.REPLICATION_CHECKPOINT_FILE ?? `${stateDirectory}/checkpoint.kv`,
      bufferChangesMax: values.REPLICATION_MAX_BUFFER_SIZE,
    },
    snapshot: {
      mode: values.SNAPSHOT_MODE,
      tables: values.SNAPSHOT_TABLES,
      readers: values.SNAPSHOT_READERS,
      rowsPerSecond: values.SNAPSHOT_ROWS_PER_SECOND,
    },
    format: { name: values.FORMAT },
    tables,
    logging: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
    metrics: {
      host: values.METRICS_HOST,
      port: values.METRICS_PORT,
      allowedHosts: values.METRICS_ALLOWED_HOSTS ?? [],
    },
  };
}

/**
 * The current secrets, to be masked in logs. A secret that equals a public name (role `postgres` with the password
 * `postgres`) is left out: masking the name would reveal the secret.
 */
export function secretsToMask(config: Config): readonly string[] {
  const { servers, database, username, password, passwordFile } = config.pg;
  const publicNames = new Set([
    ...servers.map(({ host }) => host),
    database,
    username,
    config.kafka.topicPrefix,
  ]);
  const secrets = [
    ...(password === undefined ? [] : [password.reveal()]),
    ...(passwordFile === undefined ? [] : passwordFile.found),
  ];
  const sasl = config.kafka.security.sasl;
  if (sasl?.mechanism === "OAUTHBEARER") {
    publicNames.add(sasl.clientId);
    secrets.push(sasl.clientSecret.reveal());
  } else if (sasl !== undefined) {
    publicNames.add(sasl.username);
    secrets.push(sasl.password.reveal());
  }
  return secrets.filter((secret) => !publicNames.has(secret));
}

/** Pairs each host with its port. */
export function serversOf(hosts: readonly string[], ports: readonly number[]): PgConfig["servers"] {
  return hosts.map((host, index) => ({ host, port: ports[ports.length === 1 ? 0 : index] ?? 0 }));
}

function toPgConfig(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
  passwordFile: PasswordFile | undefined,
): PgConfig {
  return {
    servers: serversOf(values.PG_HOST, values.PG_PORT),
    database: values.PG_DATABASE,
    username: values.PG_USERNAME,
    password: values.PG_PASSWORD,
    passwordFile: values.PG_PASSWORD === undefined ? passwordFile : undefined,
    publication: values.PG_PUBLICATION,
    tables: values.PG_TABLES,
    messages: values.PG_MESSAGES,
    slotName: values.PG_SLOT_NAME,
    slotFailover: values.PG_SLOT_FAILOVER,
    connectTimeoutMs: values.PG_CONNECT_TIMEOUT_SECS * 1000,
    tls: {
      mode: values.PG_SSL_MODE,
      rootCertFile: values.PG_SSL_ROOT_CERT,
      certFile: values.PG_SSL_CERT,
      keyFile: values.PG_SSL_KEY,
      home: env.HOME || undefined,
      systemCertFile: env.SSL_CERT_FILE || undefined,
    },
    loginRules: { requireAuth: values.PG_REQUIRE_AUTH, channelBinding: values.PG_CHANNEL_BINDING },
  };
}

function toKafkaConfig(values: Values): KafkaConfig {
  return {
    brokers: values.KAFKA_BROKERS,
    topicPrefix: values.KAFKA_TOPIC_PREFIX,
    delivery: values.KAFKA_ACKS === "all" ? values.KAFKA_DELIVERY : "at-least-once",
    compression: values.KAFKA_COMPRESSION,
    acks: values.KAFKA_ACKS === "all" ? -1 : values.KAFKA_ACKS === "1" ? 1 : 0,
    lingerMs: values.KAFKA_LINGER_MS,
    batchBytes: values.KAFKA_BATCH_SIZE,
    bufferBytesMax: values.KAFKA_BUFFER_MEMORY,
    messageBytesMax: values.KAFKA_MAX_MESSAGE_BYTES,
    oversize: values.KAFKA_OVERSIZE,
    topicPartitions: values.KAFKA_TOPIC_PARTITIONS,
    topicReplicationFactor: values.KAFKA_TOPIC_REPLICATION_FACTOR,
    tombstones: values.KAFKA_TOMBSTONES ?? values.FORMAT === "debezium",
    security: {
      protocol: values.KAFKA_SECURITY_PROTOCOL,
      sasl: toKafkaSasl(values),
      tls: toKafkaTls(values),
    },
  };
}

function toKafkaTls(values: Values): KafkaTls | undefined {
  if (!values.KAFKA_SECURITY_PROTOCOL.endsWith("SSL")) return undefined;
  return {
    caFile: values.KAFKA_SSL_CA,
    certFile: values.KAFKA_SSL_CERT,
    keyFile: values.KAFKA_SSL_KEY,
    verifiesHost: values.KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM === "https",
  };
}

function toKafkaSasl(values: Values): KafkaSasl | undefined {
  const mechanism = values.KAFKA_SASL_MECHANISM;
  if (mechanism === undefined) return undefined;
  if (mechanism === "OAUTHBEARER") {
    const tokenEndpointUrl = values.KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL;
    const clientId = values.KAFKA_SASL_OAUTHBEARER_CLIENT_ID;
    const clientSecret = values.KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET;
    assert(
      tokenEndpointUrl !== undefined && clientId !== undefined && clientSecret !== undefined,
      "OAUTHBEARER without an endpoint or a client",
    );
    return {
      mechanism,
      tokenEndpointUrl,
      tokenEndpointCaFile: values.KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA,
      clientId,
      clientSecret,
      scope: values.KAFKA_SASL_OAUTHBEARER_SCOPE,
    };
  }
  const username = values.KAFKA_SASL_USERNAME;
  const password = values.KAFKA_SASL_PASSWORD;
  assert(username !== undefined && password !== undefined, `${mechanism} without username and password`);
  return { mechanism, username, password };
}
