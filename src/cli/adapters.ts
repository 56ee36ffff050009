// What of the configuration the adapters are made with.

import type { Config } from "../config/config.ts";
import { readTextFile } from "../config/environment.ts";
import type { PostgresOptions } from "../source/options.ts";

/** How to connect to PostgreSQL. */
export function postgresOptions({ pg }: Config): PostgresOptions {
  return {
    host: pg.host,
    port: pg.port,
    database: pg.database,
    username: pg.username,
    password: () => pg.password.refresh(readTextFile),
    connectTimeoutMs: pg.connectTimeoutMs,
  };
}
