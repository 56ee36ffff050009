// Why a broker may have ended a connection without a word.

import type { KafkaSecurity } from "./security.ts";

/**
 * A broker that is spoken to in a way that its port does not know closes the connection; one that is stopping does,
 * too.
 * @param answers how many requests were answered before: the first is taken before a login, the next is not
 */
export function disconnectHint({ tls, sasl }: KafkaSecurity, answers: number): { readonly hint?: string } {
  if (answers > (sasl === undefined ? 1 : 0)) return {};
  const [wanted, settings] = answers === 1
    ? ["a login", "KAFKA_SECURITY_PROTOCOL"]
    : tls === undefined
    ? ["TLS", "KAFKA_SECURITY_PROTOCOL"]
    : ["a client certificate", "KAFKA_SSL_CERT and KAFKA_SSL_KEY"];
  return { hint: `if it goes on: the port may be one that wants ${wanted}, see ${settings}` };
}
