// A secured Kafka as tests reach it: connections with given files and logins, and the variables that say the same.

import { strict as assert } from "node:assert";
import type { Certificate } from "../../dev/servers/certificates.ts";
import type { KafkaServer } from "../../dev/servers/kafka.ts";
import { CaptureError, type ErrorKind } from "../../src/core/errors.ts";
import { metadata } from "../../src/sink/wire/apis/metadata.ts";
import { Connection } from "../../src/sink/wire/connection.ts";
import type { KafkaSecurity, SaslSettings, TlsSettings } from "../../src/sink/wire/security.ts";
import type { HostPort } from "../../src/core/address.ts";
import { TlsFiles } from "../../src/sink/wire/tls_files.ts";
import { createTestBed, type TestBed } from "./servers.ts";

const FOREVER = new AbortController().signal;

/** TLS with files that hold this. */
export function tlsWith(
  files: { readonly ca?: string; readonly cert?: string; readonly key?: string },
  verifiesHost = true,
): TlsSettings {
  const texts = new Map(Object.entries(files));
  const paths = Object.fromEntries([...texts.keys()].map((name) => [name, name]));
  return { files: new TlsFiles(paths, (path) => texts.get(path)), verifiesHost };
}

/** A login with a password. */
export function login(
  mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512",
  username: string,
  password: string,
): SaslSettings {
  return { mechanism, username, password: () => password };
}

/** Connects, logs in and asks for metadata. @throws what that meets */
export async function visit(address: string | HostPort, security: KafkaSecurity): Promise<void> {
  const options = { clientId: "test", connectTimeoutMs: 5_000, requestTimeoutMs: 5_000, security };
  const to = typeof address === "string" ? hostPort(address) : address;
  const connection = await Connection.open(to, options, FOREVER);
  try {
    await connection.request(metadata, { topics: [] }, FOREVER);
  } finally {
    connection.close();
  }
}

/** That the visit fails with that kind, a message and a fix that match. */
export async function assertRefused(
  address: string | HostPort,
  security: KafkaSecurity,
  { kind = "kafka-refused", message, fix }: {
    readonly kind?: ErrorKind;
    readonly message: RegExp;
    readonly fix: RegExp;
  },
): Promise<void> {
  await assert.rejects(visit(address, security), (error) => {
    assert(error instanceof CaptureError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.match(error.fix ?? "", fix);
    return true;
  });
}

/**
 * A bed whose pg-capture goes to that listener of a Kafka of the test's own, while the test itself reads from the one
 * without TLS and login.
 */
export async function createSecuredBed(kafka: KafkaServer, listener: string): Promise<TestBed> {
  const bed = await createTestBed();
  const { protocol } = kafka.security.listeners.find(({ name }) => name === listener) ??
    assert.fail(listener);
  const secured = { KAFKA_BROKERS: kafka.securedBootstrap(listener), KAFKA_SECURITY_PROTOCOL: protocol };
  return { ...bed, brokers: kafka.bootstrap, env: { ...bed.env, ...secured } };
}

export function hostPort(address: string): HostPort {
  const [host = "", port] = address.split(":");
  return { host, port: Number(port) };
}

/** The same address by another name. */
export function reachedAs(host: string, address: string): HostPort {
  return { host, port: hostPort(address).port };
}

/** Writes files for KAFKA_SSL_CA, KAFKA_SSL_CERT and KAFKA_SSL_KEY, and gives the variables. */
export async function tlsVariables(
  folder: string,
  ca: string,
  client?: Certificate,
): Promise<Record<string, string>> {
  const variables: Record<string, string> = { KAFKA_SSL_CA: `${folder}/ca.pem` };
  await Deno.writeTextFile(`${folder}/ca.pem`, ca);
  if (client === undefined) return variables;
  await Deno.writeTextFile(`${folder}/client.pem`, client.cert);
  await Deno.writeTextFile(`${folder}/client-key.pem`, client.key);
  return { ...variables, KAFKA_SSL_CERT: `${folder}/client.pem`, KAFKA_SSL_KEY: `${folder}/client-key.pem` };
}
