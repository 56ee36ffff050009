// Translates TLS errors of the runtime: what was found, and how to fix it.

import { type Advice, advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import type { TlsSettings } from "./security.ts";
import { formatAddress, type HostPort } from "../../core/address.ts";
import { type PresentedCertificate, REACH_HINT } from "./socket.ts";

/** Known circumstances of the error. */
export interface TlsCircumstances {
  /** The broker's certificate, if it was rejected here. */
  readonly certificate?: PresentedCertificate | undefined;
  /** The time limit, if it was exceeded. */
  readonly timeoutMs?: number;
}

/**
 * The CaptureError for a TLS connection that cannot be opened or was ended: `kafka-refused` if one side
 * rejects the other, `kafka-unavailable` if the broker cannot be reached.
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
  readonly hint: Advice;
}

const NO_TLS_HINT = advice`the port may not use TLS: set ${
  setting("kafka.security_protocol")
} and the port in ${setting("kafka.brokers")} to match the broker's listeners`;

const CA_HINT = advice`set ${setting("kafka.ssl_ca")} to the PEM file of the authority that issued it`;

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
      hint: advice`start the broker, or set ${setting("kafka.brokers")} and ${
        setting("kafka.security_protocol")
      } to match its listeners`,
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
      return issuedForOtherHosts(host, namesIn(text));
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return refused("it does not answer in TLS", NO_TLS_HINT);
    case "EPROTO":
    case "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION":
      return refused(
        "it does not support TLS 1.2 or later",
        "enable TLSv1.2 or TLSv1.3 in ssl.enabled.protocols of the broker",
      );
  }
  if (code.includes("ALERT")) return rejectedByBroker(tls, text);
  if (/CERT|VERIFY|ISSUER/.test(code)) return untrusted(tls, certificate);
  return {
    kind: "kafka-unavailable",
    found: code === "ECONNRESET" || text.includes("closed")
      ? "it closed the connection in the TLS handshake"
      : text,
    hint: NO_TLS_HINT,
  };
}

/** The broker's certificate did not pass verification. */
function untrusted(tls: TlsSettings, certificate: PresentedCertificate | undefined): Meaning {
  const now = new Date();
  if (certificate !== undefined && certificate.validTo < now) {
    return refused(
      `its certificate expired at ${certificate.validTo.toISOString()}`,
      "renew the broker's certificate; if it is still valid there, correct this machine's clock",
    );
  }
  if (certificate !== undefined && certificate.validFrom > now) {
    return refused(
      `its certificate is not valid before ${certificate.validFrom.toISOString()}`,
      "correct this machine's clock, or have the certificate issued again",
    );
  }
  const which = certificate === undefined
    ? "its certificate"
    : `its certificate "${certificate.subject}", issued by "${certificate.issuer}",`;
  const { ca } = tls.files.paths;
  return ca === undefined
    ? refused(`${which} is not signed by an authority that this machine trusts`, CA_HINT)
    : refused(
      `${which} is not signed by an authority in "${ca}"`,
      advice`${CA_HINT}; the file can hold several authorities, one after another`,
    );
}

function issuedForOtherHosts(host: string, names: string): Meaning {
  return refused(
    `its certificate is not for ${host}, but for ${names}`,
    advice`use a name that is in the certificate, both in ${
      setting("kafka.brokers")
    } and in advertised.listeners of the brokers; or have a certificate issued for this name; or set ${
      setting("kafka.ssl_endpoint_identification_algorithm")
    }=none to skip this check`,
  );
}

/** The broker ended the handshake, or later the connection, with an alert. */
function rejectedByBroker(tls: TlsSettings, text: string): Meaning {
  const alert = /alert:? (\w+)/.exec(text)?.[1] ?? text;
  const { cert } = tls.files.paths;
  const pair = advice`set ${setting("kafka.ssl_cert")} and ${setting("kafka.ssl_key")}`;
  return cert === undefined
    ? refused(
      `it ended the TLS handshake (${alert}); it may require a client certificate`,
      advice`${pair} if the broker has ssl.client.auth=required`,
    )
    : refused(
      `it rejected the client certificate in "${cert}" (${alert})`,
      advice`${pair} to a certificate that has not expired and whose authority is in the broker's truststore`,
    );
}

/**
 * From the runtime's sentence: `… altnames: DNS:kafka.example`, `… cert's list: ` or `… cert's CN: kafka`.
 */
function namesIn(text: string): string {
  return /(?:in the cert's altnames|cert's list|cert's CN): *(\S.*)$/.exec(text)?.[1] ?? "other names";
}

function refused(found: string, hint: Advice): Meaning {
  return { kind: "kafka-refused", found, hint };
}
