// Explains in one line why a TLS handshake failed and how to fix it.

import type { X509Certificate } from "node:crypto";
import { type Advice, advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import { CLOSED_IN_HANDSHAKE } from "./tls_link.ts";

/** Whether the handshake failed because the server's certificate can't be verified. */
export function isCertificateFault(error: unknown): boolean {
  return /CERT|VERIFY|ISSUER|INVALID_(?:CA|PURPOSE)/.test(codeOf(error)) && !codeOf(error).includes("ALERT");
}

/**
 * Translates a handshake error: `postgres-refused` if a certificate or TLS itself is at fault,
 * `postgres-unavailable` if the connection broke.
 * @param certificate the certificate that could not be verified, if known
 */
export function translateTlsError(
  error: unknown,
  context: string,
  certificate?: X509Certificate,
): CaptureError {
  if (error instanceof CaptureError) return error;
  if (isCertificateFault(error)) {
    const [found, hint] = certificateFault(certificate);
    return new CaptureError("postgres-refused", `${context}: ${found}`, { hint, cause: error });
  }
  const code = codeOf(error);
  const message = messageOf(error);
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

/**
 * Translates the server's alert about the client certificate; with TLS 1.3 it arrives after the handshake.
 */
export function translateAlert(error: unknown, context: string): CaptureError | undefined {
  const message = messageOf(error);
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

type Fault = readonly [found: string, hint: Advice];

/** The runtime reports one error for all faults; the certificate shows which one it is. */
function certificateFault(certificate: X509Certificate | undefined): Fault {
  const now = Date.now();
  if (certificate !== undefined && Date.parse(certificate.validTo) < now) {
    return [
      `its certificate has expired (${certificate.validTo})`,
      "give the server a new one, or set this machine's clock right",
    ];
  }
  if (certificate !== undefined && Date.parse(certificate.validFrom) > now) {
    return [
      `its certificate is not valid yet (before ${certificate.validFrom})`,
      "look at the clocks of the server and of this machine",
    ];
  }
  return [
    `the authority that signed its certificate${issuerOf(certificate)} is not trusted`,
    advice`add that authority's certificate to ${
      setting("pg.ssl_root_cert")
    }, if it is yours: else an impostor answers`,
  ];
}

function issuerOf(certificate: X509Certificate | undefined): string {
  return certificate === undefined ? "" : ` (${certificate.issuer.replaceAll("\n", ", ")})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** The hint for every rejection of the client certificate. */
export const CLIENT_CERTIFICATE_HINT = advice`set ${setting("pg.ssl_cert")} and ${
  setting("pg.ssl_key")
} to a certificate that the server's ssl_ca_file signed`;

const ALERTS: Readonly<Record<string, Fault>> = {
  certificaterequired: ["the server asks for a client certificate", CLIENT_CERTIFICATE_HINT],
  unknownca: ["the server does not know the authority of the client certificate", CLIENT_CERTIFICATE_HINT],
  badcertificate: ["the server does not take the client certificate", CLIENT_CERTIFICATE_HINT],
  unsupportedcertificate: ["the server does not take the client certificate", CLIENT_CERTIFICATE_HINT],
  certificateunknown: ["the server does not take the client certificate", CLIENT_CERTIFICATE_HINT],
  certificateexpired: ["the client certificate has expired", CLIENT_CERTIFICATE_HINT],
  certificaterevoked: ["the client certificate is revoked", CLIENT_CERTIFICATE_HINT],
};
