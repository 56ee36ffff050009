// Identifies the server of a connection and checks whether pg-capture can replicate from it.

import { advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import { parseLsn } from "../core/position.ts";
import type { ServerInfo, TimelineSwitch } from "../pipeline/ports.ts";
import type { PostgresConnection } from "./connection.ts";

const VERSION_MIN = 140_000;
/** The first version whose standbys support logical decoding. */
export const STANDBY_VERSION_MIN = 160_000;

/**
 * Identifies the server of a replication connection, and sets the connection's wal_sender_timeout.
 * @throws CaptureError `postgres-refused` if it can't replicate, `postgres-unavailable` while it is a standby
 *   without logical decoding
 */
export async function identifyServer(
  connection: PostgresConnection,
  signal: AbortSignal,
): Promise<ServerInfo> {
  const system = await connection.queryRow("IDENTIFY_SYSTEM", "identify the server", signal);
  const settings = await connection.queryRow(
    `SELECT current_setting('server_version_num') AS version, current_setting('wal_level') AS wal_level,
            pg_catalog.pg_is_in_recovery() AS is_standby,
            (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout') AS wal_sender_timeout`,
    "read the server's settings",
    signal,
  );
  const versionNumber = Number(settings.version);
  if (versionNumber < VERSION_MIN) {
    throw new CaptureError(
      "postgres-refused",
      `Cannot replicate: the server is PostgreSQL ${Math.floor(versionNumber / 10_000)}, older than 14`,
    );
  }
  if (settings.is_standby === "t" && versionNumber < STANDBY_VERSION_MIN) {
    // Not `postgres-refused`: a failover may be in progress, and the server may soon be promoted.
    throw new CaptureError("postgres-unavailable", "Cannot replicate: the server is a standby", {
      hint: advice`point ${
        setting("pg.host")
      } at the primary, or promote this server; standbys decode from PostgreSQL ${
        STANDBY_VERSION_MIN / 10_000
      } on`,
    });
  }
  if (settings.wal_level !== "logical") {
    throw new CaptureError(
      "postgres-refused",
      `Cannot replicate: wal_level is ${settings.wal_level}, and must be logical`,
      {
        hint: "ALTER SYSTEM SET wal_level = logical;  then restart PostgreSQL",
      },
    );
  }
  return {
    systemIdentifier: system.systemid ?? "",
    timeline: Number(system.timeline),
    isStandby: settings.is_standby === "t",
    versionNumber,
    walSenderTimeoutMs: await shortenTimeout(connection, Number(settings.wal_sender_timeout ?? 0), signal),
  };
}

/**
 * The time after which the server releases a slot whose holder is frozen or cut off: a waiting instance
 * should be streaming within 10 s of that.
 */
const WAL_SENDER_TIMEOUT_MS = 8_000;

/** Sets the timeout for this session only, never above the server's own value; 0 there means no timeout. */
async function shortenTimeout(
  connection: PostgresConnection,
  serverMs: number,
  signal: AbortSignal,
): Promise<number> {
  if (serverMs > 0 && serverMs <= WAL_SENDER_TIMEOUT_MS) return serverMs;
  await connection.query(
    `SET wal_sender_timeout = ${WAL_SENDER_TIMEOUT_MS}`,
    "set wal_sender_timeout",
    signal,
  );
  return WAL_SENDER_TIMEOUT_MS;
}

/** Parses a timeline history file: one switch per line, `1<TAB>0/3000000<TAB>reason`, oldest first. */
export function parseTimelineHistory(content: string): TimelineSwitch[] {
  return content.split("\n").flatMap((line) => {
    const [timeline, end] = line.trim().split(/\s+/);
    const endLsn = parseLsn(end ?? "");
    return timeline !== undefined && /^\d+$/.test(timeline) && endLsn !== undefined
      ? [{ timeline: Number(timeline), endLsn }]
      : [];
  });
}
