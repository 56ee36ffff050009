// SASL OAUTHBEARER: a token instead of a password (RFC 7628).

import type { SaslExchange } from "./exchange.ts";

/** A broker that rejects the token sends the reason, and fails the login after this byte. */
const CONTINUE = new Uint8Array([1]);

export async function* oauthBearer(token: () => Promise<string>): SaslExchange {
  const answer = yield new TextEncoder().encode(`n,,\x01auth=Bearer ${await token()}\x01\x01`);
  if (answer.length > 0) yield CONTINUE;
}
