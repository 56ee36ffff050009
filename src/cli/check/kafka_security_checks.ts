// TLS and login of the Kafka connections.

import type { Config } from "../../config/config.ts";
import type { KafkaInspection } from "../../sink/inspection.ts";
import type { TlsFacts } from "../../sink/wire/socket.ts";
import { type Finding, type Findings, ok, warning } from "./finding.ts";

const DAY_MS = 86_400_000;
const RENEWAL_DAYS = 14;

/** Call it once a broker was reached: TLS and login then succeeded. */
export async function* kafkaSecurityFindings(
  { kafka }: Config,
  inspection: KafkaInspection,
  nowMs: number,
  signal: AbortSignal,
): Findings {
  const { protocol, sasl, tls } = kafka.security;
  const facts = await inspection.encryption(signal);
  yield facts === undefined
    ? ok("Kafka: TLS", `not encrypted (KAFKA_SECURITY_PROTOCOL=${protocol})`)
    : tlsFinding(facts, tls?.verifiesHost === true, nowMs);
  if (sasl === undefined) return;
  const who = sasl.mechanism === "OAUTHBEARER" ? `client "${sasl.clientId}"` : `"${sasl.username}"`;
  yield ok("Kafka: login", `${sasl.mechanism} as ${who}`);
}

function tlsFinding({ protocol, certificate }: TlsFacts, verifiesHost: boolean, nowMs: number): Finding {
  const { subject, issuer, validTo } = certificate;
  const until = validTo.toISOString().slice(0, 10);
  const found = `${protocol ?? "TLS"}, certificate "${subject}" issued by "${issuer}", valid until ${until}`;
  if (validTo.getTime() - nowMs < RENEWAL_DAYS * DAY_MS) {
    return warning("Kafka: TLS", found, "renew the broker's certificate");
  }
  if (!verifiesHost) {
    const fix = "set KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM to https";
    return warning("Kafka: TLS", `${found}; the host name is not verified`, fix);
  }
  return ok("Kafka: TLS", found);
}
