// Why a broker may have closed a connection without an error.

import { type Advice, advice, setting } from "../../core/advice.ts";
import type { KafkaSecurity } from "./security.ts";

/**
 * A broker closes the connection if the client uses a protocol that the port does not accept, but also while
 * it shuts down, so this is only a possibility.
 * @param answers how many requests were answered before. A port that requires a login answers the first one
 * only
 */
export function disconnectHint({ tls, sasl }: KafkaSecurity, answers: number): { readonly hint?: Advice } {
  if (answers > (sasl === undefined ? 1 : 0)) return {};
  const protocol = setting("kafka.security_protocol");
  const possible = answers === 1
    ? advice`a login, see ${protocol}`
    : tls === undefined
    ? advice`TLS, see ${protocol}`
    : advice`a client certificate, see ${setting("kafka.ssl_cert")} and ${setting("kafka.ssl_key")}`;
  return { hint: advice`if this continues, the port may require ${possible}` };
}
