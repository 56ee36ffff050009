// Settings that can't be used together, also those that are not available yet.

import { strict as assert } from "node:assert";
import { findContradictions, findWarnings } from "../../../src/config/contradictions.ts";
import { Secret } from "../../../src/config/secret.ts";
import type { AuthMethod } from "../../../src/config/require_auth.ts";
import type { Values, VariableName } from "../../../src/config/variables.ts";

const SOUND = {
  KAFKA_BUFFER_MEMORY: 33554432,
  KAFKA_MAX_MESSAGE_BYTES: 1048576,
  KAFKA_BATCH_SIZE: 16384,
  KAFKA_ACKS: "all",
  KAFKA_SECURITY_PROTOCOL: "PLAINTEXT",
  KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM: "https",
  PG_HOST: ["localhost"],
  PG_PORT: [5432],
  PG_SSL_MODE: "disable",
} as unknown as Values;

const TOKENS: Partial<Values> = {
  KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  KAFKA_SASL_MECHANISM: "OAUTHBEARER",
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: "https://login/token",
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "ann",
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: new Secret("x"),
};

Deno.test("sound settings have no contradictions and no warnings", () => {
  assert.deepEqual(found({}), []);
  const tls: Partial<Values> = {
    KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    KAFKA_SASL_USERNAME: "ann",
    KAFKA_SASL_PASSWORD: new Secret("x"),
    KAFKA_SSL_CA: "/ca",
    KAFKA_SSL_CERT: "/c",
    KAFKA_SSL_KEY: "/k",
    PG_SSL_MODE: "verify-full",
    PG_SSL_ROOT_CERT: "/ca",
  };
  assert.deepEqual(found(tls), []);
  assert.deepEqual(findWarnings({ ...SOUND, ...tls }), []);
  assert.deepEqual(found(TOKENS), []);
});

Deno.test("memory for undelivered bytes holds two of the largest batches, and a batch is at most half of it", () => {
  assert.deepEqual(found({ KAFKA_BUFFER_MEMORY: 2097152 }), []);
  assert.deepEqual(found({ KAFKA_BUFFER_MEMORY: 2097151 }), ["KAFKA_BUFFER_MEMORY"]);
  assert.deepEqual(found({ KAFKA_MAX_MESSAGE_BYTES: 20_000_000 }), ["KAFKA_BUFFER_MEMORY"]);
  assert.deepEqual(found({ KAFKA_BATCH_SIZE: 16777217 }), ["KAFKA_BATCH_SIZE"]);
});

Deno.test("a login needs a protocol that has one, and each mechanism its details", () => {
  assert.deepEqual(found({ KAFKA_SASL_MECHANISM: "PLAIN", KAFKA_SASL_USERNAME: "ann" }), [
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_USERNAME",
  ]);
  assert.deepEqual(found({ KAFKA_SECURITY_PROTOCOL: "SASL_SSL" }), ["KAFKA_SASL_MECHANISM"]);
  assert.deepEqual(
    found({ KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT", KAFKA_SASL_MECHANISM: "SCRAM-SHA-256" }),
    [
      "KAFKA_SASL_USERNAME",
      "KAFKA_SASL_PASSWORD",
    ],
  );
});

Deno.test("OAUTHBEARER needs its endpoint and client; no mechanism takes another's details", () => {
  assert.deepEqual(found({ KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "OAUTHBEARER" }), [
    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_ID",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
  ]);
  assert.deepEqual(found({ ...TOKENS, KAFKA_SASL_USERNAME: "ann" }), ["KAFKA_SASL_USERNAME"]);
  const plain: Partial<Values> = {
    KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_SASL_USERNAME: "ann",
    KAFKA_SASL_PASSWORD: new Secret("x"),
  };
  assert.deepEqual(found({ ...plain, KAFKA_SASL_OAUTHBEARER_SCOPE: "s" }), ["KAFKA_SASL_OAUTHBEARER_SCOPE"]);
  assert.deepEqual(found({ KAFKA_SASL_OAUTHBEARER_SCOPE: "s" }), ["KAFKA_SASL_OAUTHBEARER_SCOPE"]);
  const unencrypted = { KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: "http://localhost/token" };
  assert.deepEqual(found({ ...TOKENS, ...unencrypted, KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA: "/ca" }), [
    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_CA",
  ]);
});

Deno.test("certificates need TLS, and a certificate and its key need each other", () => {
  assert.deepEqual(found({ KAFKA_SSL_CA: "/ca" }), ["KAFKA_SSL_CA"]);
  assert.deepEqual(found({ KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM: "none" }), [
    "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM",
  ]);
  assert.deepEqual(found({ PG_SSL_ROOT_CERT: "/ca" }), ["PG_SSL_ROOT_CERT"]);
  assert.deepEqual(found({ KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_SSL_KEY: "/k" }), ["KAFKA_SSL_CERT"]);
  assert.deepEqual(found({ PG_SSL_MODE: "require", PG_SSL_CERT: "/c" }), ["PG_SSL_KEY"]);
});

Deno.test("the certificates that the system trusts need the host's name to be checked", () => {
  assert.deepEqual(found({ PG_SSL_MODE: "verify-full", PG_SSL_ROOT_CERT: "system" }), []);
  assert.deepEqual(found({ PG_SSL_MODE: "verify-ca", PG_SSL_ROOT_CERT: "system" }), ["PG_SSL_MODE"]);
  assert.deepEqual(found({ PG_SSL_ROOT_CERT: "system" }), ["PG_SSL_ROOT_CERT"]);
});

Deno.test("channel binding needs TLS, and SCRAM", () => {
  const bound: Partial<Values> = { PG_CHANNEL_BINDING: "require", PG_SSL_MODE: "require" };
  const auth = (...accepted: AuthMethod[]) => ({ accepted, asksForPassword: false, text: accepted.join() });
  assert.deepEqual(found(bound), []);
  assert.deepEqual(found({ ...bound, PG_SSL_MODE: "disable" }), ["PG_CHANNEL_BINDING"]);
  assert.deepEqual(found({ ...bound, PG_HOST: ["/var/run/postgresql"] }), ["PG_CHANNEL_BINDING"]);
  assert.deepEqual(found({ ...bound, PG_REQUIRE_AUTH: auth("scram-sha-256", "md5") }), []);
  assert.deepEqual(found({ ...bound, PG_REQUIRE_AUTH: auth("md5", "none") }), ["PG_REQUIRE_AUTH"]);
  assert.deepEqual(found({ PG_REQUIRE_AUTH: auth("md5") }), []);
});

Deno.test("several hosts have one port, or one each", () => {
  assert.deepEqual(found({ PG_HOST: ["a", "b"] }), []);
  assert.deepEqual(found({ PG_HOST: ["a", "b"], PG_PORT: [1, 2] }), []);
  assert.deepEqual(found({ PG_HOST: ["a", "b"], PG_PORT: [1, 2, 3] }), ["PG_PORT"]);
  assert.deepEqual(found({ PG_PORT: [1, 2] }), ["PG_PORT"]);
});

Deno.test("a setting that is wrong by itself is not held against others", () => {
  const values: Values = { ...SOUND, KAFKA_SASL_MECHANISM: "PLAIN" };
  const wrong = new Set<VariableName>(["KAFKA_SECURITY_PROTOCOL"]);
  assert.deepEqual(findContradictions(values, wrong), []);
});

Deno.test("a password that goes unencrypted is warned of", () => {
  const values: Values = {
    ...SOUND,
    KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
    KAFKA_SASL_MECHANISM: "PLAIN",
  };
  assert.match(findWarnings(values).join(), /sends the password unencrypted; use SASL_SSL/);
  assert.match(
    findWarnings({ ...SOUND, ...TOKENS, KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT" }).join(),
    /sends the token unencrypted/,
  );
  assert.deepEqual(findWarnings({ ...values, KAFKA_SASL_MECHANISM: "SCRAM-SHA-256" }), []);
});

Deno.test("a broker's certificate that is for any name is warned of", () => {
  const values: Values = { ...SOUND, KAFKA_SECURITY_PROTOCOL: "SSL" };
  assert.deepEqual(findWarnings(values), []);
  assert.match(
    findWarnings({ ...values, KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM: "none" }).join(),
    /accepts a certificate for any host name/,
  );
});

function found(changes: Partial<Values>): readonly VariableName[] {
  return findContradictions({ ...SOUND, ...changes }, new Set()).map(({ name }) => name);
}
