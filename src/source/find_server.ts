// Finds the server to use among the configured hosts.

import { formatAddress } from "../core/address.ts";
import { advice, setting } from "../core/advice.ts";
import { CaptureError, errorPolicy } from "../core/errors.ts";
import { type Login, logIn, type LoginMode } from "./login.ts";
import type { PostgresOptions } from "./options.ts";

/**
 * Logs in to the server. If there is only one, its state does not matter; of several, the first one that is
 * reachable and accepts writes is used. A server that rejects the login ends the search, as in libpq.
 * @throws CaptureError `postgres-unavailable` if no server is reachable or accepts writes, since a failover
 *   may be in progress; `postgres-refused`, `configuration` or `decoding`
 */
export async function findServer(
  options: PostgresOptions,
  mode: LoginMode,
  signal: AbortSignal,
): Promise<Login> {
  const failures: CaptureError[] = [];
  let readOnly = 0;
  for (const server of options.servers) {
    let login: Login;
    try {
      login = await logIn(options, server, mode, signal);
    } catch (error) {
      signal.throwIfAborted();
      // Another host may work: this one is unreachable, starting or in recovery.
      const isAway = error instanceof CaptureError && errorPolicy(error.kind).action === "retry";
      if (!isAway || options.servers.length === 1) throw error;
      failures.push(error);
      continue;
    }
    if (login.isWritable || options.servers.length === 1) return login;
    login.socket.destroy();
    readOnly++;
    failures.push(
      new CaptureError(
        "postgres-unavailable",
        `Cannot use PostgreSQL at ${formatAddress(server)}: it is read-only`,
      ),
    );
  }
  throw noneFound(failures, readOnly === options.servers.length);
}

function noneFound(failures: readonly CaptureError[], isReadOnly: boolean): CaptureError {
  const found = failures.map(({ message }) => message.replace(/^Cannot \w+(?: to)? PostgreSQL at /, ""));
  return new CaptureError(
    "postgres-unavailable",
    `Cannot find a writable PostgreSQL server: ${found.join("; ")}`,
    {
      hint: isReadOnly
        ? advice`promote one of them, set default_transaction_read_only = off, or name the primary in ${
          setting("pg.host")
        }`
        : advice`start the primary, or name it in ${setting("pg.host")} and ${setting("pg.port")}`,
    },
  );
}
