// How tests connect with the program's own source.

import type { PostgresAddress } from "../../dev/servers/postgres.ts";
import type { PostgresOptions } from "../../src/source/options.ts";

/** To this server, without TLS. */
export function sourceOptions(address: PostgresAddress): PostgresOptions {
  const { host, port, database, user, password } = address;
  return {
    servers: [{ host, port }],
    database,
    username: user,
    password: () => password,
    connectTimeoutMs: 10_000,
    tls: { mode: "disable", material: () => ({ roots: undefined, client: undefined }) },
    loginRules: { requireAuth: undefined, channelBinding: "prefer" },
  };
}
