// Says in one line why a TLS handshake failed, and what to do about it.

import { CaptureError } from "../../errors.ts";
import { CLOSED_IN_HANDSHAKE } from "./tls_link.ts";

/**
 * The CaptureError for what a handshake threw: `postgres-refused` where a certificate or TLS itself is not right,
 * `postgres-unavailable` where the connection broke.
 */
export function translateTlsError(error: unknown, context: string): CaptureError {
  if (error instanceof CaptureError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const certificate = CERTIFICATE_FAULTS[code];
  if (certificate !== undefined) {
    const [found, hint] = certificate;
    return new CaptureError("postgres-refused", `${context}: ${found}`, { hint, cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  const alert = translateAlert(error, context);
  if (alert !== undefined) return alert;
  if (message === CLOSED_IN_HANDSHAKE || BROKEN.test(message) || BROKEN.test(code)) {
    return new CaptureError("postgres-unavailable", `${context}: ${CLOSED_IN_HANDSHAKE}`, { cause: error });
  }
  return new CaptureError("postgres-refused", `${context}: the TLS handshake failed (${message})`, {
    hint: "see the server's log, which may say more; PostgreSQL must allow TLS 1.2 or later " +
      "(ssl_min_protocol_version, ssl_ciphers)",
    cause: error,
  });
}

/** What the server says of the client's certificate, which with TLS 1.3 it does after the handshake. */
export function translateAlert(error: unknown, context: string): CaptureError | undefined {
  const message = error instanceof Error ? error.message : String(error);
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1] ??
    /alert (certificate required|unknown ca|bad certificate|certificate (?:expired|revoked|unknown))/i
      .exec(message)?.[1];
  if (alert === undefined) return undefined;
  const name = alert.replace(/[\s_]/g, "").toLowerCase();
  const [found, hint] = ALERTS[name] ??
    [`the server ended TLS with alert "${alert}"`, "the server's log says why"];
  return new CaptureError("postgres-refused", `${context}: ${found}`, { hint, cause: error });
}

const BROKEN = /ECONNRESET|EPIPE|reset|closed|UnexpectedEof|unexpected end of file|BadResource|Interrupted/i;

type Fault = readonly [found: string, hint: string];

const WRONG_CA: Fault = [
  "the authority that signed its certificate is not one of PG_SSL_ROOT_CERT's",
  "set PG_SSL_ROOT_CERT to the certificate of the authority that signed the server's; if it did, somebody poses as " +
  "the server",
];

// Node's names of what X509_verify_cert finds.
const CERTIFICATE_FAULTS: Readonly<Record<string, Fault>> = {
  CERT_HAS_EXPIRED: [
    "its certificate has expired, or one of its authority's",
    "give the server a new one (and look at this machine's clock)",
  ],
  CERT_NOT_YET_VALID: [
    "its certificate is not valid yet",
    "look at the clocks of the server and of this machine",
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: WRONG_CA,
  UNABLE_TO_GET_ISSUER_CERT: WRONG_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: WRONG_CA,
  SELF_SIGNED_CERT_IN_CHAIN: WRONG_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: WRONG_CA,
  CERT_SIGNATURE_FAILURE: WRONG_CA,
  CERT_UNTRUSTED: WRONG_CA,
  INVALID_CA: WRONG_CA,
  INVALID_PURPOSE: [
    "its certificate is not one for servers",
    "give the server a certificate whose extended key usage has serverAuth, or none",
  ],
};

const CLIENT_CERTIFICATE_HINT =
  "set PG_SSL_CERT and PG_SSL_KEY to a certificate that the server's ssl_ca_file signed";

const ALERTS: Readonly<Record<string, Fault>> = {
  certificaterequired: ["the server asks for a client certificate", CLIENT_CERTIFICATE_HINT],
  unknownca: ["the server does not know the authority of the client certificate", CLIENT_CERTIFICATE_HINT],
  badcertificate: ["the server does not take the client certificate", CLIENT_CERTIFICATE_HINT],
  unsupportedcertificate: ["the server does not take the client certificate", CLIENT_CERTIFICATE_HINT],
  certificateunknown: ["the server does not take the client certificate", CLIENT_CERTIFICATE_HINT],
  certificateexpired: ["the client certificate has expired", CLIENT_CERTIFICATE_HINT],
  certificaterevoked: ["the client certificate is revoked", CLIENT_CERTIFICATE_HINT],
};
