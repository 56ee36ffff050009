// Validates names and addresses by the rules of PostgreSQL and Kafka, before connecting to either.

import { isIPv6 } from "node:net";
import { invalid, type Parsed, quote, type TextCheck } from "./syntax.ts";

/** A broker's address. */
export interface Broker {
  readonly host: string;
  readonly port: number;
}

const KAFKA_PORT = 9092;

/** `{prefix}.{schema}.{table}` must fit into Kafka's 249 characters with two names of 63 bytes. */
const TOPIC_PREFIX_LENGTH_MAX = 120;

/** NAMEDATALEN - 1: PostgreSQL silently truncates longer names. */
const POSTGRES_NAME_BYTES_MAX = 63;

/** `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; the default port is 9092. */
export function parseBroker(text: string): Parsed<Broker> {
  if (text.includes("://")) {
    return invalid(
      "a broker's address contains a protocol",
      "write host:port; the protocol goes into KAFKA_SECURITY_PROTOCOL",
    );
  }
  if (text.includes("@")) {
    return invalid(
      "a broker's address contains a user",
      "write host:port; the user goes into KAFKA_SASL_USERNAME",
    );
  }
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) {
    const fix = text.split(":").length > 2 ? "write an IPv6 address as [address]:port" : "write host:port";
    return invalid(`${quote(text)} is not a broker address`, fix);
  }
  const port = match?.[3] === undefined ? KAFKA_PORT : Number(match[3]);
  if (port < 1 || port > 65535) {
    return invalid(`the port of ${quote(text)} is out of range`, "write a port from 1 to 65535");
  }
  return { kind: "value", value: { host, port } };
}

/** A PostgreSQL host: a name, an address, or the directory of a Unix socket. */
export function parsePostgresHost(text: string): Parsed<string> {
  const found = text.startsWith("/") ? undefined : checkHost(text);
  return found === undefined ? { kind: "value", value: text } : invalid(found.problem, found.fix);
}

/** A host name or address. */
export const checkHost: TextCheck = (text) => {
  if (text.includes("://") || text.includes("@")) {
    return {
      problem: "it is a connection string",
      fix: "write only the host; user, port and database have their own variables",
    };
  }
  if (text.includes(",")) return { problem: `${quote(text)} lists several hosts`, fix: "write one host" };
  if (/^[^:]+:\d+$/.test(text)) {
    return {
      problem: `${quote(text)} contains a port`,
      fix: "write only the host; the port has its own variable",
    };
  }
  if (/^\[.*\]$/.test(text)) {
    return { problem: `${quote(text)} has brackets`, fix: "write the IPv6 address without them" };
  }
  // The message does not repeat the value: it may be a user and a password.
  if (text.includes(":") && !isIPv6(text)) {
    return {
      problem: "it contains a colon but is not an IPv6 address",
      fix: "write a host name or an address",
    };
  }
  if (/[\s/]/.test(text)) {
    return { problem: `${quote(text)} is not a host name`, fix: "write a host name or an address" };
  }
  return undefined;
};

/** A host name as in a Host header, or `*.` and a domain for every name below it. */
export function parseAllowedHost(text: string): Parsed<string> {
  if (/^(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(text)) return { kind: "value", value: text };
  return invalid(
    `${quote(text)} is not a host name`,
    "write a name without a port, or *.example.org for every name below example.org",
  );
}

/** A database, role or publication. */
export const checkPostgresName: TextCheck = (text) => {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= POSTGRES_NAME_BYTES_MAX) return undefined;
  return {
    problem: `${quote(text)} has ${bytes} bytes, more than PostgreSQL allows in a name`,
    fix: `write at most ${POSTGRES_NAME_BYTES_MAX} bytes`,
  };
};

/** ReplicationSlotValidateName in src/backend/replication/slot.c. */
export const checkSlotName: TextCheck = (text) => {
  if (/^[a-z0-9_]{1,63}$/.test(text)) return undefined;
  const problem = text.length > POSTGRES_NAME_BYTES_MAX
    ? `${quote(text)} is longer than 63 characters`
    : `${quote(text)} contains characters that are not allowed in slot names`;
  const near = text.toLowerCase().replace(/[^a-z0-9_]/g, "_").slice(0, POSTGRES_NAME_BYTES_MAX);
  return { problem, fix: `write at most 63 of a-z, 0-9 and _, such as ${near}` };
};

/** `Topic.validate` in org.apache.kafka.common.internals. */
export const checkTopicPrefix: TextCheck = (text) => {
  if (!/^[A-Za-z0-9._-]+$/.test(text)) {
    return {
      problem: `${quote(text)} contains characters that are not allowed in topic names`,
      fix: "write letters, digits, dots, _ and - only",
    };
  }
  if (text.length > TOPIC_PREFIX_LENGTH_MAX) {
    return {
      problem: `it has ${text.length} characters, so topic names could exceed Kafka's limit of 249`,
      fix: `write at most ${TOPIC_PREFIX_LENGTH_MAX}`,
    };
  }
  if (text.endsWith(".")) {
    return {
      problem: `${quote(text)} ends in a dot`,
      fix: "remove it: pg-capture adds a dot after the prefix",
    };
  }
  return undefined;
};

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * The URL that the client's secret is sent to: https, or http on loopback. Messages never repeat it: it may
 * contain a secret.
 */
export const checkTokenEndpoint: TextCheck = (text) => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: "it is not a URL", fix: "write https://HOST/PATH" };
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.test(url.hostname))) {
    return {
      problem: `its protocol is "${
        url.protocol.slice(0, -1)
      }", which would send the client's secret unencrypted`,
      fix: "write https://HOST/PATH; http is allowed for localhost only",
    };
  }
  if (url.username !== "" || url.password !== "") {
    return {
      problem: "it contains a user or a password",
      fix: "remove them; set KAFKA_SASL_OAUTHBEARER_CLIENT_ID and _CLIENT_SECRET instead",
    };
  }
  return undefined;
};

/** A pattern for table names. Each name is split at its stars: `["users"]`, `["", ""]` for `*`. */
export interface TablePattern {
  readonly schema: readonly string[];
  readonly table: readonly string[];
  /** The pattern as written. */
  readonly text: string;
}

const NAME = String.raw`(?:"(?:[^"]|"")+"|[^\s."]+)`;
const TABLE = new RegExp(`^(${NAME})\\.(${NAME})$`);

/**
 * `schema.table`. A star matches anything, except in quotes. Names with dots, spaces or commas need quotes.
 */
export function parseTablePattern(text: string): Parsed<TablePattern> {
  const [, schema, table] = TABLE.exec(text) ?? [];
  if (schema !== undefined && table !== undefined) {
    return { kind: "value", value: { schema: pieces(schema), table: pieces(table), text } };
  }
  return invalid(
    `${quote(text)} is not a table name`,
    'write schema.table, schema.* for a whole schema, or "a.b"."c d" for names with dots or spaces',
  );
}

/** The name as stored in PostgreSQL: it is case-sensitive, as in the other variables. */
function pieces(name: string): readonly string[] {
  return name.startsWith('"') ? [name.slice(1, -1).replaceAll('""', '"')] : name.split("*");
}
