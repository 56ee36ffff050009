// Rules for names and addresses: what PostgreSQL and Kafka take, checked before either is asked.

import { isIPv6 } from "node:net";
import { invalid, type Parsed, quote, type TextCheck } from "./syntax.ts";

/** A broker's address. */
export interface Broker {
  readonly host: string;
  readonly port: number;
}

const KAFKA_PORT = 9092;

/** `{prefix}.{schema}.{table}` has to stay below Kafka's 249 characters with two names of 63 bytes. */
const TOPIC_PREFIX_LENGTH_MAX = 120;

/** NAMEDATALEN - 1: PostgreSQL cuts longer names silently. */
const POSTGRES_NAME_BYTES_MAX = 63;

/** `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; the port is 9092 where absent. */
export function parseBroker(text: string): Parsed<Broker> {
  if (text.includes("://")) {
    return invalid(
      "a broker is written with a protocol",
      "write host:port; KAFKA_SECURITY_PROTOCOL names the protocol",
    );
  }
  if (text.includes("@")) {
    return invalid("a broker is written with a user", "write host:port; KAFKA_SASL_USERNAME names the user");
  }
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) {
    const fix = text.split(":").length > 2 ? "write an IPv6 address as [address]:port" : "write host:port";
    return invalid(`${quote(text)} is not the address of a broker`, fix);
  }
  const port = match?.[3] === undefined ? KAFKA_PORT : Number(match[3]);
  if (port < 1 || port > 65535) {
    return invalid(`the port of ${quote(text)} is out of range`, "write a port from 1 to 65535");
  }
  return { kind: "value", value: { host, port } };
}

/** The name or address of a host of PostgreSQL, or the folder of its Unix socket. */
export function parsePostgresHost(text: string): Parsed<string> {
  const found = text.startsWith("/") ? undefined : checkHost(text);
  return found === undefined ? { kind: "value", value: text } : invalid(found.problem, found.fix);
}

/** The name or address of a host. */
export const checkHost: TextCheck = (text) => {
  if (text.includes("://") || text.includes("@")) {
    return {
      problem: "it is a connection string",
      fix: "write the host alone; user, port and database have their own variables",
    };
  }
  if (text.includes(",")) return { problem: `${quote(text)} is several hosts`, fix: "write one" };
  if (/^[^:]+:\d+$/.test(text)) {
    return {
      problem: `${quote(text)} holds a port`,
      fix: "write the host alone, and the port in its own variable",
    };
  }
  if (/^\[.*\]$/.test(text)) {
    return { problem: `${quote(text)} has brackets`, fix: "write the IPv6 address without them" };
  }
  // Not repeated: it may be a user and a password.
  if (text.includes(":") && !isIPv6(text)) {
    return { problem: "it holds a colon and is no IPv6 address", fix: "write a host name or an address" };
  }
  if (/[\s/]/.test(text)) {
    return { problem: `${quote(text)} is not the name of a host`, fix: "write a host name or an address" };
  }
  return undefined;
};

/** A host's name as a Host header has it, or `*.` and a domain for every name below it. */
export function parseAllowedHost(text: string): Parsed<string> {
  if (/^(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(text)) return { kind: "value", value: text };
  return invalid(
    `${quote(text)} is not the name of a host`,
    "write a name without a port, or *.example.org for every name below example.org",
  );
}

/** A database, role or publication. */
export const checkPostgresName: TextCheck = (text) => {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= POSTGRES_NAME_BYTES_MAX) return undefined;
  return {
    problem: `${quote(text)} is longer than a name in PostgreSQL can be (${bytes} bytes)`,
    fix: `write at most ${POSTGRES_NAME_BYTES_MAX} bytes`,
  };
};

/** ReplicationSlotValidateName in src/backend/replication/slot.c. */
export const checkSlotName: TextCheck = (text) => {
  if (/^[a-z0-9_]{1,63}$/.test(text)) return undefined;
  const problem = text.length > POSTGRES_NAME_BYTES_MAX
    ? `${quote(text)} is longer than 63 characters`
    : `${quote(text)} has characters that a slot's name can't have`;
  const near = text.toLowerCase().replace(/[^a-z0-9_]/g, "_").slice(0, POSTGRES_NAME_BYTES_MAX);
  return { problem, fix: `write at most 63 of a-z, 0-9 and _, such as ${near}` };
};

/** `Topic.validate` in org.apache.kafka.common.internals. */
export const checkTopicPrefix: TextCheck = (text) => {
  if (!/^[A-Za-z0-9._-]+$/.test(text)) {
    return {
      problem: `${quote(text)} has characters that a topic's name can't have`,
      fix: "write letters, digits, dots, _ and - only",
    };
  }
  if (text.length > TOPIC_PREFIX_LENGTH_MAX) {
    return {
      problem: `it has ${text.length} characters, so that topics' names could pass Kafka's 249`,
      fix: `write at most ${TOPIC_PREFIX_LENGTH_MAX}`,
    };
  }
  if (text.endsWith(".")) {
    return {
      problem: `${quote(text)} ends in a dot`,
      fix: "leave it out: pg-capture puts one after the prefix",
    };
  }
  return undefined;
};

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The URL that a client's secret is sent to: encrypted, or not over a network. Never repeated: there may be a secret in it. */
export const checkTokenEndpoint: TextCheck = (text) => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: "it is not a URL", fix: "write https://HOST/PATH" };
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.test(url.hostname))) {
    return {
      problem: `its protocol is "${url.protocol.slice(0, -1)}", and the client's secret is sent to it`,
      fix: "write https://HOST/PATH; http is for localhost only",
    };
  }
  if (url.username !== "" || url.password !== "") {
    return {
      problem: "it holds a user or a password",
      fix: "leave them out; KAFKA_SASL_OAUTHBEARER_CLIENT_ID and _CLIENT_SECRET are for them",
    };
  }
  return undefined;
};

/** Tables by their names; a name is what lies between its stars: `["users"]`, `["", ""]` for `*`. */
export interface TablePattern {
  readonly schema: readonly string[];
  readonly table: readonly string[];
  /** As it was written. */
  readonly text: string;
}

const NAME = String.raw`(?:"(?:[^"]|"")+"|[^\s."]+)`;
const TABLE = new RegExp(`^(${NAME})\\.(${NAME})$`);

/** `schema.table`; a star stands for anything, unless it's in quotes, as names with dots, spaces or commas have to be. */
export function parseTablePattern(text: string): Parsed<TablePattern> {
  const [, schema, table] = TABLE.exec(text) ?? [];
  if (schema !== undefined && table !== undefined) {
    return { kind: "value", value: { schema: pieces(schema), table: pieces(table), text } };
  }
  return invalid(
    `${quote(text)} is not a table`,
    'write schema.table, schema.* for all of a schema, or "a.b"."c d" for names with dots or spaces',
  );
}

/** The name as PostgreSQL holds it: letters are not folded, as in the other variables. */
function pieces(name: string): readonly string[] {
  return name.startsWith('"') ? [name.slice(1, -1).replaceAll('""', '"')] : name.split("*");
}
