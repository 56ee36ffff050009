// Logging in to a real broker: each mechanism, right and wrong, again before a session ends, with secrets that change.

import { strict as assert } from "node:assert";
import { createAuthority } from "../../dev/servers/certificates.ts";
import { type KafkaServer, startKafka } from "../../dev/servers/kafka.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { createTopics } from "../../src/sink/wire/apis/create_topics.ts";
import { metadata } from "../../src/sink/wire/apis/metadata.ts";
import { Connection } from "../../src/sink/wire/connection.ts";
import type { KafkaSecurity, SaslSettings } from "../../src/sink/wire/security.ts";
import { TokenSource } from "../../src/sink/wire/sasl/token_endpoint.ts";
import { type CaptureProcess, startCapture } from "../support/capture.ts";
import { LoginServer } from "../support/login_server.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import { makeScramUser } from "../support/scram_user.ts";
import {
  assertRefused,
  createSecuredBed,
  hostPort,
  login,
  tlsVariables,
  tlsWith,
  visit,
} from "../support/secured_kafka.ts";

const authority = createAuthority("Kafka's authority");
const tls = tlsWith({ ca: authority.cert });
const FOREVER = new AbortController().signal;
/** A ligature, a space that does not break and an umlaut: SASLprep would change the first two. */
const ODD = "\ufb01\u00a0p\u00e4,=x";

Deno.test("each mechanism with a password logs in, with TLS and without", async () => {
  const kafka = await broker();
  const users: readonly SaslSettings[] = [
    login("PLAIN", "ann", "ann-secret"),
    login("SCRAM-SHA-256", "bob", "bob-secret"),
    login("SCRAM-SHA-512", "carl", "carl-secret"),
    login("SCRAM-SHA-512", "d,a=n", ODD),
  ];
  for (const sasl of users) {
    await visit(kafka.securedBootstrap("SASL_SSL"), { tls, sasl });
    await visit(kafka.securedBootstrap("SASL_PLAINTEXT"), { sasl });
  }
});

Deno.test("a user that Kafka's own tool has made logs in, with a password that SASLprep would change", async () => {
  const kafka = await broker();
  await kafka.tool("kafka.admin.ConfigCommand", [
    "--bootstrap-server",
    kafka.bootstrap,
    "--alter",
    "--add-config",
    "SCRAM-SHA-256=[password=\ufb01\u00a0p\u00e4]",
    "--entity-type",
    "users",
    "--entity-name",
    "eve",
  ]);
  const sasl = login("SCRAM-SHA-256", "eve", "\ufb01\u00a0p\u00e4");
  await visit(kafka.securedBootstrap("SASL_PLAINTEXT"), { sasl });
});

Deno.test("a wrong password or user is refused, with who and where, and without the password", async () => {
  const kafka = await broker();
  const address = kafka.securedBootstrap("SASL_SSL");
  for (
    const sasl of [
      login("PLAIN", "ann", "hidden-word"),
      login("PLAIN", "nobody", "hidden-word"),
      login("SCRAM-SHA-256", "bob", "hidden-word"),
      login("SCRAM-SHA-512", "bob", "bob-secret"), // bob is no user of that mechanism
      login("SCRAM-SHA-512", "nobody", "hidden-word"),
    ] as const
  ) {
    const who = sasl.mechanism === "OAUTHBEARER" ? "" : sasl.username;
    const said = new RegExp(
      `^Cannot log in to Kafka broker localhost:\\d+ by ${sasl.mechanism} as "${who}": ` +
        "the broker answered SASL_AUTHENTICATION_FAILED (?!.*(hidden-word|bob-secret))",
    );
    await assertRefused(address, { tls, sasl }, {
      message: said,
      fix: /^correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD; (?!.*(hidden-word|bob-secret))/,
    });
  }
});

Deno.test("a mechanism that the broker does not offer is refused, with those that it does", async () => {
  const plainOnly = (await broker()).securedBootstrap("SASL_PLAINTEXT");
  const sasl: SaslSettings = { mechanism: "OAUTHBEARER", token: () => Promise.resolve("x") };
  await assertRefused(plainOnly, { sasl }, {
    message: /by OAUTHBEARER: it accepts only (PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|, )+$/,
    fix: /KAFKA_SASL_MECHANISM/,
  });
});

Deno.test("a login where none is taken is refused; none where one is wanted is awaited; each with the fix", async () => {
  const kafka = await broker();
  const sasl = login("PLAIN", "ann", "ann-secret");
  const none = {
    message: /by PLAIN: its listener does not accept logins/,
    fix: /KAFKA_SECURITY_PROTOCOL to SSL or PLAINTEXT/,
  };
  await assertRefused(kafka.bootstrap, { sasl }, none);
  await assertRefused(kafka.securedBootstrap("SSL"), { tls, sasl }, none);
  const wanted = {
    kind: "kafka-unavailable",
    message: /localhost:\d+: the broker closed it/,
    fix: /the port may require a login, see KAFKA_SECURITY_PROTOCOL/,
  } as const;
  await assertRefused(kafka.securedBootstrap("SASL_PLAINTEXT"), {}, wanted);
  await assertRefused(kafka.securedBootstrap("SASL_SSL"), { tls }, wanted);
});

Deno.test("a token of the endpoint logs in; a forged one is refused without being repeated", async () => {
  await using server = await LoginServer.start();
  await using kafka = await brokerWithTokens(server);
  const address = kafka.securedBootstrap("SASL_SSL");
  await visit(address, { tls, sasl: tokens(server, { scope: "kafka" }) });
  assert.deepEqual(server.requests, [
    { clientId: "pg capture", clientSecret: "s3cret:%&+\u00e4", grant: "client_credentials", scope: "kafka" },
  ]);
  server.answer = () => ({ lifeSecs: 300, isForged: true });
  await assertRefused(address, { tls, sasl: tokens(server) }, {
    message:
      /^Cannot log in to Kafka broker localhost:\d+ by OAUTHBEARER with a token: the broker answered SASL_AUTHENTICATION_FAILED (?!.*eyJ)/,
    fix: /issuer, audience and scope/,
  });

  // The session ends with the token: a connection that is used for longer has logged in with another one.
  server.answer = () => ({ lifeSecs: 4 });
  server.requests.length = 0;
  await useFor(9_000, address, { tls, sasl: tokens(server) });
  assert(server.requests.length >= 3, `${server.requests.length} tokens`);
});

Deno.test("run streams with tokens that last for seconds; an endpoint that is away is awaited", async () => {
  await using server = await LoginServer.start();
  await using kafka = await brokerWithTokens(server);
  await using bed = await createSecuredBed(kafka, "SASL_SSL");
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await Deno.writeTextFile(`${bed.folder}/secret`, "of-the-file\n");
  server.answer = () => ({ status: 503, body: "" });
  await using capture = await startCapture({
    env: {
      ...bed.env,
      ...await tlsVariables(bed.folder, authority.cert),
      KAFKA_SASL_MECHANISM: "OAUTHBEARER",
      KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: server.tokenUrl(),
      KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "pg-capture",
      KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET_FILE: `${bed.folder}/secret`,
      KAFKA_SASL_OAUTHBEARER_SCOPE: "kafka",
    },
  });
  await capture.waitForLog(
    /Cannot get a token for Kafka from .*\/token: it answered HTTP status 503 retry_in_ms=/,
  );
  server.answer = () => ({ lifeSecs: 4 });
  await capture.waitForLog("Streaming");
  const streamingFrom = capture.log.length;
  for (let id = 0; id < 80; id++) {
    await bed.sql.exec(`INSERT INTO item VALUES (${id})`);
    await delay(100);
  }
  await waitUntilConfirmed(bed, capture);
  assert.equal(await assertDelivered(bed, ["public.item"]), 80);
  assert.deepEqual(capture.log.slice(streamingFrom).filter((line) => /Z (warn|error) /.test(line)), []);
  assert.deepEqual(server.requests.at(-1), {
    clientId: "pg-capture",
    clientSecret: "of-the-file",
    grant: "client_credentials",
    scope: "kafka",
  });
});

Deno.test("a connection logs in again before its session ends, while requests are on their way", async () => {
  await using kafka = await startKafka({
    security: { authority, listeners: { SASL_SSL: { protocol: "SASL_SSL" } } },
    properties: { "connections.max.reauth.ms": 2_000 },
  });
  await makeScramUser(kafka.bootstrap, { name: "bob", password: "one", mechanism: "SCRAM-SHA-256" });
  const address = kafka.securedBootstrap("SASL_SSL");
  await useFor(6_000, address, { tls, sasl: login("SCRAM-SHA-256", "bob", "one") });

  // A user that is there no more is noticed at the next login, with the reason.
  const connection = await open(address, { tls, sasl: login("SCRAM-SHA-256", "bob", "one") });
  await makeScramUser(kafka.bootstrap, { name: "bob", password: "two", mechanism: "SCRAM-SHA-256" });
  await delay(2_500);
  await assert.rejects(connection.request(metadata, { topics: [] }, FOREVER), /SASL_AUTHENTICATION_FAILED/);
  connection.close();
});

Deno.test("exactly once over TLS with a login that is renewed every second, through kills and another password", async () => {
  await using kafka = await startKafka({
    security: { authority, listeners: { SASL_SSL: { protocol: "SASL_SSL" } } },
    properties: { "connections.max.reauth.ms": 1_500 },
  });
  await using bed = await createSecuredBed(kafka, "SASL_SSL");
  const passwordFile = `${bed.folder}/password`;
  const setPassword = async (password: string) => {
    await Deno.writeTextFile(passwordFile, `${password}\n`, { mode: 0o600 });
    await makeScramUser(kafka.bootstrap, { name: "capture", password, mechanism: "SCRAM-SHA-512" });
  };
  await setPassword("first-secret");
  const env = {
    ...bed.env,
    ...await tlsVariables(bed.folder, authority.cert),
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    KAFKA_SASL_USERNAME: "capture",
    KAFKA_SASL_PASSWORD_FILE: passwordFile,
    KAFKA_LINGER_MS: "5",
  };
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY, note text)");
  let id = 0;
  let isWriting = true;
  const write = async () => {
    for (; isWriting; id++) {
      await bed.sql.exec(
        `INSERT INTO item VALUES (${id}, repeat('x', 100)); UPDATE item SET note = 'y' WHERE id = ${id}`,
      );
    }
  };
  let writing: Promise<void> | undefined;
  for (let kills = 0; kills < 3; kills++) {
    await using capture = await startCapture({ env });
    await capture.waitForLog("Streaming");
    writing ??= write();
    await delay(2_500 + 300 * kills);
    assert(capture.running, capture.log.slice(-5).join("\n"));
    await capture.kill();
  }
  await using capture: CaptureProcess = await startCapture({ env });
  await capture.waitForLog("Streaming");
  await setPassword("second-secret");
  await delay(3_000); // at least one renewal with the new one
  isWriting = false;
  await writing;
  await waitUntilConfirmed(bed, capture);
  assert.equal(await assertDelivered(bed, ["public.item"]), 2 * id);
  assert.equal(capture.log.filter((line) => /Z (warn|error) /.test(line)).length, 0, capture.log.join("\n"));
  for (const line of capture.log) assert.doesNotMatch(line, /first-secret|second-secret/);
});

let started: Promise<KafkaServer> | undefined;

/** One broker for the file. */
function broker(): Promise<KafkaServer> {
  return started ??= startKafka({
    security: {
      authority,
      plainUsers: { ann: "ann-secret" },
      listeners: {
        SSL: { protocol: "SSL" },
        SASL_SSL: { protocol: "SASL_SSL" },
        SASL_PLAINTEXT: { protocol: "SASL_PLAINTEXT" },
      },
    },
  }).then(async (kafka) => {
    await makeScramUser(kafka.bootstrap, { name: "bob", password: "bob-secret", mechanism: "SCRAM-SHA-256" });
    await makeScramUser(kafka.bootstrap, {
      name: "carl",
      password: "carl-secret",
      mechanism: "SCRAM-SHA-512",
    });
    await makeScramUser(kafka.bootstrap, { name: "d,a=n", password: ODD, mechanism: "SCRAM-SHA-512" });
    return kafka;
  });
}

function brokerWithTokens({ jwksUrl }: LoginServer): Promise<KafkaServer> {
  return startKafka({
    security: {
      authority,
      listeners: { SASL_SSL: { protocol: "SASL_SSL" } },
      oauth: { jwksUrl },
    },
    javaArgs: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl}`],
    properties: { "connections.max.reauth.ms": 3_600_000 },
  });
}

function tokens(server: LoginServer, more: { readonly scope?: string } = {}): SaslSettings {
  const source = new TokenSource({
    url: server.tokenUrl(),
    clientId: "pg capture",
    clientSecret: () => "s3cret:%&+\u00e4",
    ...more,
  }, () => performance.now());
  return { mechanism: "OAUTHBEARER", token: (signal, isRenewal) => source.token(signal, isRenewal) };
}

function open(address: string, security: KafkaSecurity): Promise<Connection> {
  const options = { clientId: "test", connectTimeoutMs: 5_000, requestTimeoutMs: 5_000, security };
  return Connection.open(hostPort(address), options, FOREVER);
}

/** Uses one connection without a pause: several requests are on their way at any time. */
async function useFor(ms: number, address: string, security: KafkaSecurity): Promise<void> {
  const connection = await open(address, security);
  const end = performance.now() + ms;
  const use = async () => {
    while (performance.now() < end) await connection.request(metadata, { topics: ["none"] }, FOREVER);
  };
  const topics = [{ topic: "used", partitions: -1, replicationFactor: -1, configs: [] }];
  const makeTopics = async () => {
    while (performance.now() < end) {
      await connection.request(createTopics, { topics, timeoutMs: 5_000 }, FOREVER);
    }
  };
  await Promise.all([use(), use(), makeTopics()]);
  assert(connection.isOpen);
  connection.close();
}
