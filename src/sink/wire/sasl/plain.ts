// SASL PLAIN: user name and password in cleartext (RFC 4616).

import type { SaslExchange } from "./exchange.ts";

export async function* plain(username: string, password: string): SaslExchange {
  yield await Promise.resolve(new TextEncoder().encode(`\0${username}\0${password}`));
}
