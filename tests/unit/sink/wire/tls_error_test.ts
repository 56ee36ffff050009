// What a TLS error of the runtime means: OpenSSL's codes, as node:tls of Deno reports them.

import { strict as assert } from "node:assert";
import { tlsError } from "../../../../src/sink/wire/tls_error.ts";
import { TlsFiles } from "../../../../src/sink/wire/tls_files.ts";

const ADDRESS = { host: "kafka-1", port: 9093 };
const TLS = { files: new TlsFiles({ ca: "/ca.pem" }, () => undefined), verifiesHost: true };

Deno.test("a rejected certificate stops the program, with the reason", () => {
  const altnames =
    "Hostname/IP does not match certificate's altnames: Host: kafka-1. is not in the cert's altnames: DNS:a";
  const cases: readonly (readonly [Error, RegExp])[] = [
    [coded("ERR_TLS_CERT_ALTNAME_INVALID", altnames), /is not for kafka-1, but for DNS:a$/],
    [
      coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify"),
      /is not signed by an authority in "\/ca\.pem"$/,
    ],
    [
      coded("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
      /is not signed by an authority in "\/ca\.pem"$/,
    ],
    [coded("ERR_SSL_WRONG_VERSION_NUMBER", "received corrupt message"), /does not answer in TLS$/],
    [
      coded("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "received fatal alert: ProtocolVersion"),
      /does not support TLS 1\.2 or later$/,
    ],
    [
      coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "received fatal alert: CertificateRequired"),
      /may require a client/,
    ],
  ];
  for (const [cause, found] of cases) {
    const { kind, message, fix: hint } = tlsError(ADDRESS, TLS, cause);
    assert.equal(kind, "kafka-refused", message);
    assert.match(message, /^Cannot connect to Kafka broker kafka-1:9093: it/);
    assert.match(message, found);
    assert.ok(hint !== undefined && hint.length > 0);
  }
});

Deno.test("a broker that can't be reached, or closes the connection in the handshake, is retried", () => {
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
