// Builds the adapters' options from the configuration.

import { formatAddress, type HostPort } from "../core/address.ts";
import type { Config, PgConfig } from "../config/config.ts";
import { fileFacts, readTextFile } from "../config/environment.ts";
import type { PostgresOptions } from "../source/options.ts";
import { TlsFiles } from "../source/tls/tls_files.ts";

/**
 * How to connect to PostgreSQL.
 * @throws CaptureError `configuration` if TLS is required and one of its files is not usable
 */
export function postgresOptions({ pg }: Config): PostgresOptions {
  const { servers, database, username, password, passwordFile, connectTimeoutMs } = pg;
  const { mode, ...paths } = pg.tls;
  const files = new TlsFiles(mode, paths, { read: readTextFile, facts: fileFacts });
  const isRemote = servers.some(({ host }) => !host.startsWith("/"));
  if (isRemote && mode !== "disable" && mode !== "prefer") files.read();
  return {
    servers,
    database,
    username,
    password: (server) =>
      password === undefined
        ? passwordFile?.find({ ...server, database, username })
        : password.refresh(readTextFile),
    connectTimeoutMs,
    tls: { mode, material: () => files.read() },
    loginRules: pg.loginRules,
  };
}

/** The brokers' addresses, for messages. */
export function kafkaPlace(brokers: readonly HostPort[]): string {
  return brokers.map(formatAddress).join(",");
}

/** `host:port/database`, or several hosts, for messages. */
export function postgresPlace({ servers, database }: PgConfig): string {
  return `${servers.map(formatAddress).join(",")}/${database}`;
}
