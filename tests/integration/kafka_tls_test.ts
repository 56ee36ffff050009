// TLS towards a real broker: what connects must, what mustn't doesn't, and says why in one line.

import { strict as assert } from "node:assert";
import { createAuthority, inDays } from "../../dev/servers/certificates.ts";
import { type KafkaServer, startKafka } from "../../dev/servers/kafka.ts";
import { FakeBroker } from "../support/fake_broker.ts";
import { startCapture } from "../support/capture.ts";
import { assertDelivered, waitUntilConfirmed } from "../support/oracle.ts";
import {
  assertRefused,
  createSecuredBed,
  reachedAs,
  tlsVariables,
  tlsWith,
  visit,
} from "../support/secured_kafka.ts";

const authority = createAuthority("Kafka's authority");
const other = createAuthority("Another authority");
const own = { ca: authority.cert };

Deno.test("a certificate of the authority, for the name or the address that was dialled, is taken", async () => {
  const kafka = await broker();
  const address = kafka.securedBootstrap("SSL");
  await visit(address, { tls: tlsWith(own) });
  await visit(reachedAs("127.0.0.1", address), { tls: tlsWith(own) });
});

Deno.test("KAFKA_SSL_CA may hold several authorities, and what stands between", async () => {
  const kafka = await broker();
  await visit(kafka.securedBootstrap("OTHER"), { tls: tlsWith({ ca: other.cert + authority.cert }) });
  await visit(kafka.securedBootstrap("OTHER"), { tls: tlsWith({ ca: authority.cert + other.cert }) });
  await visit(kafka.securedBootstrap("BELOW"), { tls: tlsWith(own) });
});

Deno.test("a certificate that is its own authority is taken where KAFKA_SSL_CA names it", async () => {
  const kafka = await broker();
  await visit(kafka.securedBootstrap("ALONE"), { tls: tlsWith({ ca: alone.cert }) });
});

Deno.test("a certificate of another authority is refused, with its name", async () => {
  const address = (await broker()).securedBootstrap("OTHER");
  const message =
    /localhost:\d+: its certificate "broker", issued by "Another authority", is not signed by an authority/;
  await assertRefused(address, { tls: tlsWith(own) }, { message, fix: /KAFKA_SSL_CA/ });
  await assertRefused(address, { tls: tlsWith({}) }, { message, fix: /^set KAFKA_SSL_CA/ });
  // Without the check of the name, too.
  await assertRefused(address, { tls: tlsWith(own, false) }, { message, fix: /KAFKA_SSL_CA/ });
});

Deno.test("a certificate beyond its time is refused, with the time", async () => {
  const kafka = await broker();
  await assertRefused(kafka.securedBootstrap("EXPIRED"), { tls: tlsWith(own) }, {
    message: /localhost:\d+: its certificate expired at 20\d\d-.*Z/,
    fix: /renew the broker's certificate/,
  });
  await assertRefused(kafka.securedBootstrap("EARLY"), { tls: tlsWith(own) }, {
    message: /localhost:\d+: its certificate is not valid before 20\d\d-.*Z/,
    fix: /clock/,
  });
});

Deno.test("a certificate for another host is refused, unless that was asked for by name", async () => {
  const address = (await broker()).securedBootstrap("ELSEWHERE");
  const fix = /KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM=none/;
  await assertRefused(address, { tls: tlsWith(own) }, {
    message: /localhost:\d+: its certificate is not for localhost, but for DNS:kafka\.example/,
    fix,
  });
  await assertRefused(reachedAs("127.0.0.1", address), { tls: tlsWith(own) }, {
    message: /127\.0\.0\.1:\d+: its certificate is not for 127\.0\.0\.1/,
    fix,
  });
  await visit(address, { tls: tlsWith(own, false) });
});

Deno.test("a broker that wants a client certificate takes one of its authority, and no other", async () => {
  const address = (await broker()).securedBootstrap("MUTUAL");
  const client = authority.issue({ name: "pg-capture" });
  await visit(address, { tls: tlsWith({ ...own, ...client }) });
  await assertRefused(address, { tls: tlsWith(own) }, {
    message: /localhost:\d+: it ended the TLS handshake .*may require a client certificate/,
    fix: /KAFKA_SSL_CERT and KAFKA_SSL_KEY/,
  });
  for (
    const wrong of [
      other.issue({ name: "pg-capture" }),
      authority.issue({ name: "pg-capture", notAfter: inDays(-0.1) }),
    ]
  ) {
    await assertRefused(address, { tls: tlsWith({ ...own, ...wrong }) }, {
      message: /localhost:\d+: it rejected the client certificate in ".*"/,
      fix: /has not expired and whose authority is in the broker's truststore/,
    });
  }
});

Deno.test("TLS is not given up where the answer is in plaintext: a proxy on the way took it off", async () => {
  await using stripped = new FakeBroker(
    () => null,
    { readOnce: false, greeting: new Uint8Array([0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) },
  );
  await assertRefused(stripped.address, { tls: tlsWith(own) }, {
    message: /127\.0\.0\.1:\d+: it does not answer in TLS/,
    fix: /KAFKA_SECURITY_PROTOCOL/,
  });
});

Deno.test("TLS to a port without it is awaited, and the other way round refused, each with the fix", async () => {
  const kafka = await broker();
  // The broker closes the connection without a word, as one that is stopping does.
  await assertRefused(kafka.bootstrap, { tls: tlsWith(own) }, {
    kind: "kafka-unavailable",
    message: /127\.0\.0\.1:\d+: it closed the connection in the TLS handshake/,
    fix: /the port may not use TLS.*KAFKA_SECURITY_PROTOCOL/,
  });
  await assertRefused(kafka.securedBootstrap("SSL"), {}, {
    message: /localhost:\d+: the port uses TLS/,
    fix: /set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL/,
  });
});

Deno.test("a broker that can't be reached is awaited", async () => {
  const refused = { host: "127.0.0.1", port: 1 };
  await assertRefused(refused, { tls: tlsWith(own) }, {
    kind: "kafka-unavailable",
    message: /127\.0\.0\.1:1: connection refused/,
    fix: /start the broker/,
  });
  await assertRefused({ host: "no-such-host.invalid", port: 9093 }, { tls: tlsWith(own) }, {
    kind: "kafka-unavailable",
    message: /no-such-host\.invalid:9093: there is no host of that name/,
    fix: /KAFKA_BROKERS/,
  });
});

Deno.test("run ends with 3 and one line where the certificate is refused; with 2 where the key is no good", async () => {
  const kafka = await broker();
  await using bed = await createSecuredBed(kafka, "OTHER");
  await using refused = await startCapture({
    env: { ...bed.env, ...await tlsVariables(bed.folder, authority.cert) },
  });
  assert.equal((await refused.waitForExit()).code, 3);
  const errors = refused.log.filter((line) => line.includes(" error "));
  assert.equal(errors.length, 1, refused.log.join("\n"));
  assert.match(
    errors[0] ?? "",
    /issued by "Another authority", is not signed by an authority in ".*" fix: set KAFKA_SSL_CA/,
  );

  const mixed = { cert: authority.issue({ name: "a" }).cert, key: authority.issue({ name: "b" }).key };
  const env = { ...bed.env, ...await tlsVariables(bed.folder, other.cert, mixed) };
  await using unusable = await startCapture({ env });
  assert.equal((await unusable.waitForExit()).code, 2);
  assert.match(
    unusable.log.at(-1) ?? "",
    /Cannot use private key file ".*": it is not the key of the certificate in/,
  );
});

Deno.test("check, status and teardown speak TLS; check says to whom", async () => {
  const kafka = await broker();
  await using bed = await createSecuredBed(kafka, "SSL");
  const env = { ...bed.env, ...await tlsVariables(bed.folder, authority.cert) };
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO item VALUES (1)");
  await waitUntilConfirmed(bed, capture);
  await capture.terminate();
  const run = async (...args: string[]) => {
    await using command = await startCapture({ env, args });
    const { code } = await command.waitForExit();
    assert.equal(code, 0, command.log.join("\n") + command.stdout);
    return command.stdout;
  };
  assert.match(
    await run("check"),
    /^ok +Kafka: TLS: TLSv1\.3, certificate "broker" issued by "Kafka's authority", valid until 20/m,
  );
  assert.match(await run("status"), /^Kafka +[0-9A-F]+\/[0-9A-F]+$/m);
  assert.match(await run("teardown", "--progress", "--yes"), /done: remove this slot's progress record/);
});

Deno.test("certificates are read again: authority, client certificate and key change without a restart", async () => {
  await using kafka = await startKafka({
    security: { authority, listeners: { MUTUAL: { protocol: "SSL", wantsClientCertificate: true } } },
  });
  await using bed = await createSecuredBed(kafka, "MUTUAL");
  await bed.sql.exec("CREATE TABLE item (id int PRIMARY KEY)");
  const env = {
    ...bed.env,
    ...await tlsVariables(bed.folder, authority.cert, authority.issue({ name: "one" })),
  };
  await using capture = await startCapture({ env });
  await capture.waitForLog("Streaming");
  await bed.sql.exec("INSERT INTO item SELECT generate_series(1, 10)");
  await waitUntilConfirmed(bed, capture);

  await kafka.stop();
  kafka.security.authority = createAuthority("The authority of next year");
  await tlsVariables(
    bed.folder,
    kafka.security.authority.cert,
    kafka.security.authority.issue({ name: "two" }),
  );
  await kafka.start();
  await bed.sql.exec("INSERT INTO item SELECT generate_series(11, 20)");
  await waitUntilConfirmed(bed, capture);
  assert.equal(await assertDelivered(bed, ["public.item"]), 20);
});

const alone = createAuthority("broker alone", { hosts: ["localhost"] });
let started: Promise<KafkaServer> | undefined;

/** One broker for the file, with a listener for each case. */
function broker(): Promise<KafkaServer> {
  const between = authority.intermediate("Below Kafka's authority");
  const below = between.issue({ name: "broker", hosts: ["localhost"] });
  const issue = (more: Parameters<typeof authority.issue>[0]) => ({
    protocol: "SSL" as const,
    certificate: authority.issue(more),
  });
  return started ??= startKafka({
    security: {
      authority,
      listeners: {
        SSL: { protocol: "SSL" },
        MUTUAL: { protocol: "SSL", wantsClientCertificate: true },
        OTHER: { protocol: "SSL", certificate: other.issue({ name: "broker", hosts: ["localhost"] }) },
        BELOW: { protocol: "SSL", certificate: { cert: below.cert + between.cert, key: below.key } },
        ALONE: { protocol: "SSL", certificate: alone },
        EXPIRED: issue({ name: "broker", hosts: ["localhost"], notAfter: inDays(-0.1) }),
        EARLY: issue({ name: "broker", hosts: ["localhost"], notBefore: inDays(1) }),
        ELSEWHERE: issue({ name: "broker", hosts: ["kafka.example"] }),
      },
    },
  });
}
