// SASL OAUTHBEARER: a token in place of a password (RFC 7628).

import type { SaslExchange } from "./exchange.ts";

/** A broker that refuses the token says why, and gives its verdict after this byte. */
const GO_ON = new Uint8Array([1]);

export async function* oauthBearer(token: () => Promise<string>): SaslExchange {
  const answer = yield new TextEncoder().encode(`n,,\x01auth=Bearer ${await token()}\x01\x01`);
  if (answer.length > 0) yield GO_ON;
}
