// What a TLS error means: the words of Deno 2.9 (OpenSSL's codes) and of Deno 2.6 (rustls) give the same.

import { strict as assert } from "node:assert";
import { tlsError } from "../../../../src/sink/wire/tls_error.ts";
import { TlsFiles } from "../../../../src/sink/wire/tls_files.ts";

const ADDRESS = { host: "kafka-1", port: 9093 };
const TLS = { files: new TlsFiles({ ca: "/ca.pem" }, () => undefined), verifiesHost: true };

Deno.test("a certificate that is refused ends it, with the reason, in the words of either runtime", () => {
  const altnames =
    "Hostname/IP does not match certificate's altnames: Host: kafka-1. is not in the cert's altnames: DNS:a";
  const name = 'certificate not valid for name "kafka-1"; certificate is only valid for DnsName("a")';
  const expired =
    "certificate expired: verification time 1795368511 (UNIX), but certificate is not valid after 1795359818 (8693 seconds ago)";
  const cases: readonly (readonly [Error, RegExp])[] = [
    [coded("ERR_TLS_CERT_ALTNAME_INVALID", altnames), /is not for kafka-1, but for DNS:a$/],
    [new Error(`invalid peer certificate: ${name}`), /is not for kafka-1, but for DnsName\("a"\)$/],
    [coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify"), /is of no authority in KAFKA_SSL_CA$/],
    [coded("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"), /is of no authority in KAFKA_SSL_CA$/],
    [new Error("invalid peer certificate: UnknownIssuer"), /is of no authority in KAFKA_SSL_CA$/],
    [new Error(`invalid peer certificate: ${expired}`), /expired at 2026-11-22T\d\d:\d\d:\d\d\.000Z$/],
    [new Error("invalid peer certificate: BadSignature"), /is of no authority in KAFKA_SSL_CA$/],
    [coded("ERR_SSL_WRONG_VERSION_NUMBER", "received corrupt message"), /does not answer in TLS$/],
    [
      coded("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "received fatal alert: ProtocolVersion"),
      /no TLS from 1\.2 on$/,
    ],
    [
      coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "received fatal alert: CertificateRequired"),
      /may want a client/,
    ],
    [new Error("received fatal alert: CertificateRequired"), /may want a client certificate$/],
  ];
  for (const [cause, found] of cases) {
    const { kind, message, fix: hint } = tlsError(ADDRESS, TLS, cause);
    assert.equal(kind, "kafka-refused", message);
    assert.match(message, /^Cannot connect to Kafka broker kafka-1:9093: it/);
    assert.match(message, found);
    assert.ok(hint !== undefined && hint.length > 0);
  }
});

Deno.test("a broker that can't be reached, or goes away in the handshake, is awaited", () => {
  for (
    const [cause, found] of [
      [coded("ECONNREFUSED", "connect ECONNREFUSED"), /connection refused$/],
      [coded("ENOTFOUND", "getaddrinfo ENOTFOUND"), /there is no host of that name$/],
      [
        coded("ECONNRESET", "Client network socket disconnected"),
        /closed the connection in the TLS handshake$/,
      ],
      [coded("EHOSTUNREACH", "no route to host"), /no route to host$/],
    ] as const
  ) {
    const { kind, message } = tlsError(ADDRESS, TLS, cause);
    assert.equal(kind, "kafka-unavailable", message);
    assert.match(message, found);
  }
  assert.match(tlsError(ADDRESS, TLS, undefined, { timeoutMs: 5_000 }).message, /no answer within 5 s$/);
});

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
