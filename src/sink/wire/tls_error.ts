// What the runtime's TLS errors mean for a person: what was found, and what fixes it.

import { CaptureError } from "../../core/errors.ts";
import type { TlsSettings } from "./security.ts";
import { formatAddress, type HostPort, type PresentedCertificate } from "./socket.ts";

/** What is known beside the error itself. */
export interface TlsCircumstances {
  /** The broker's certificate, where it was refused here. */
  readonly certificate?: PresentedCertificate | undefined;
  /** The time that was waited, where it was too short. */
  readonly timeoutMs?: number;
}

/**
 * The CaptureError for a TLS connection that can't be made or was ended: `kafka-refused` where one side refuses
 * the other, `kafka-unavailable` where the broker can't be reached.
 */
export function tlsError(
  address: HostPort,
  tls: TlsSettings,
  cause: unknown,
  circumstances: TlsCircumstances = {},
): CaptureError {
  const { kind, found, hint } = meaning(address, tls, cause, circumstances);
  const message = `Cannot connect to Kafka broker ${formatAddress(address)}: ${found}`;
  return new CaptureError(kind, message, { hint, cause });
}

interface Meaning {
  readonly kind: "kafka-refused" | "kafka-unavailable";
  readonly found: string;
  readonly hint: string;
}

const REACH_HINT = "start the broker, or correct KAFKA_BROKERS";
const NO_TLS_HINT =
  "its port may be one without TLS: set KAFKA_SECURITY_PROTOCOL and the port in KAFKA_BROKERS to what the broker's listeners say";

function meaning(
  { host }: HostPort,
  tls: TlsSettings,
  cause: unknown,
  { certificate, timeoutMs }: TlsCircumstances,
): Meaning {
  if (timeoutMs !== undefined) {
    return {
      kind: "kafka-unavailable",
      found: `no answer within ${timeoutMs / 1000} s`,
      hint: "start the broker, or set KAFKA_BROKERS and KAFKA_SECURITY_PROTOCOL to what its listeners say",
    };
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const text = cause instanceof Error ? cause.message : String(cause);
  switch (code) {
    case "ECONNREFUSED":
      return { kind: "kafka-unavailable", found: "connection refused", hint: REACH_HINT };
    case "ENOTFOUND":
      return { kind: "kafka-unavailable", found: "there is no host of that name", hint: REACH_HINT };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return ofAnotherHost(host, namesIn(text));
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return refused("it does not answer in TLS", NO_TLS_HINT);
    case "EPROTO":
    case "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION":
      return refused(
        "it speaks no TLS from 1.2 on",
        "enable TLSv1.2 or TLSv1.3 in ssl.enabled.protocols of the broker",
      );
  }
  if (/CERT|VERIFY|ISSUER/.test(code) && !code.includes("ALERT")) return distrusted(tls, certificate);
  if (text.startsWith("invalid peer certificate")) return distrustedByText(host, tls, text);
  if (isAlert(code, text)) return refusedByBroker(tls, text);
  return {
    kind: "kafka-unavailable",
    found: code === "ECONNRESET" || text.includes("closed")
      ? "it closed the connection in the TLS handshake"
      : text,
    hint: NO_TLS_HINT,
  };
}

/** A certificate that does not hold here. */
function distrusted(tls: TlsSettings, certificate: PresentedCertificate | undefined): Meaning {
  const now = new Date();
  if (certificate !== undefined && certificate.validTo < now) {
    return refused(
      `its certificate expired at ${certificate.validTo.toISOString()}`,
      "renew the broker's certificate; if it is not expired there, set this machine's clock",
    );
  }
  if (certificate !== undefined && certificate.validFrom > now) {
    return refused(
      `its certificate is not valid before ${certificate.validFrom.toISOString()}`,
      "set this machine's clock, or have the certificate issued again",
    );
  }
  const of = certificate === undefined
    ? "its certificate"
    : `its certificate "${certificate.subject}", issued by "${certificate.issuer}",`;
  return tls.files.paths.ca === undefined
    ? refused(
      `${of} is of no authority that is trusted here`,
      "set KAFKA_SSL_CA to the PEM file of the authority that issued it",
    )
    : refused(
      `${of} is of no authority in KAFKA_SSL_CA`,
      "set KAFKA_SSL_CA to the PEM file of the authority that issued it; several can be in one file, one after another",
    );
}

/** The same, in the words of Deno 2.6. */
function distrustedByText(host: string, tls: TlsSettings, text: string): Meaning {
  if (text.includes("not valid for name")) {
    return ofAnotherHost(host, /only valid for (.*)$/.exec(text)?.[1] ?? "other names");
  }
  const at = (pattern: RegExp) => new Date(Number(pattern.exec(text)?.[1] ?? NaN) * 1000);
  const certificate = text.includes("certificate expired")
    ? { validFrom: new Date(0), validTo: at(/not valid after (\d+)/) }
    : text.includes("not valid yet")
    ? { validFrom: at(/not valid before (\d+)/), validTo: new Date(8.64e15) }
    : undefined;
  const isDated = certificate !== undefined &&
    !Number.isNaN(certificate.validFrom.getTime() + certificate.validTo.getTime());
  return distrusted(tls, isDated ? { subject: "", issuer: "", ...certificate } : undefined);
}

function ofAnotherHost(host: string, names: string): Meaning {
  return refused(
    `its certificate is not for ${host}, but for ${names}`,
    "have the brokers advertise, and write in KAFKA_BROKERS, a name that is in the certificate; or have one issued " +
      "for this name; KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM=none does without this check",
  );
}

/** The broker ended the handshake, or after it the connection, with an alert. */
function refusedByBroker(tls: TlsSettings, text: string): Meaning {
  const alert = /alert:? (\w+)/.exec(text)?.[1] ?? text;
  if (tls.files.paths.cert === undefined) {
    return refused(
      `it ended the TLS handshake (${alert}); it may want a client certificate`,
      "set KAFKA_SSL_CERT and KAFKA_SSL_KEY where the broker has ssl.client.auth=required",
    );
  }
  return refused(
    `it refused the client certificate in KAFKA_SSL_CERT (${alert})`,
    "set KAFKA_SSL_CERT and KAFKA_SSL_KEY to a certificate that is not expired and of an authority in the broker's truststore",
  );
}

function isAlert(code: string, text: string): boolean {
  return code.includes("ALERT") || /received fatal alert/i.test(text);
}

/** From the runtime's sentence: `… altnames: DNS:kafka.example`, `… cert's list: ` or `… cert's CN: kafka`. */
function namesIn(text: string): string {
  return /(?:in the cert's altnames|cert's list|cert's CN): *(\S.*)$/.exec(text)?.[1] ?? "other names";
}

function refused(found: string, hint: string): Meaning {
  return { kind: "kafka-refused", found, hint };
}
