// Inspects a PostgreSQL server without changing anything: settings, rights, tables, slot.

import { type Lsn, parseLsn } from "../core/position.ts";
import type { TimelineSwitch } from "../pipeline/ports.ts";
import { PostgresConnection, quoteLiteral, type Row } from "./connection.ts";
import type { PostgresOptions } from "./options.ts";
import { parseTimelineHistory } from "./identification.ts";
import { WAL_END } from "./slot.ts";

/** Facts about the server and the session. */
export interface ServerFacts {
  readonly versionNumber: number;
  readonly walLevel: string;
  readonly slotsMax: number;
  readonly slotsUsed: number;
  readonly sendersMax: number;
  readonly sendersUsed: number;
  readonly canReplicate: boolean;
  /** -1 means no limit. */
  readonly slotKeepBytesMax: number;
  /** The average since the server's statistics were reset; null if that period is too short to tell. */
  readonly walBytesPerSecond: number | null;
  readonly isStandby: boolean;
}

/** A row of pg_replication_slots. */
export interface SlotFacts {
  readonly confirmed: Lsn | null;
  readonly activePid: number | null;
  readonly walStatus: string | null;
  readonly keptBytes: number | null;
  readonly bytesLeft: number | null;
  readonly walEnd: Lsn;
}

/** A transaction that creating a slot would wait for. */
export interface OldTransaction {
  readonly pid: number;
  readonly seconds: number;
}

/** Facts that only a walsender reports. */
export interface SystemFacts {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly timelineHistory: readonly TimelineSwitch[];
}

/** Inspects one server over an ordinary connection. Any method may throw a CaptureError. */
export class PostgresInspection implements Disposable {
  readonly #connection: PostgresConnection;

  private constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  static async open(options: PostgresOptions, signal: AbortSignal): Promise<PostgresInspection> {
    return new PostgresInspection(await PostgresConnection.open(options, "sql", signal));
  }

  /** The connection, for queries that a capture runs, too. */
  get connection(): PostgresConnection {
    return this.#connection;
  }

  async server(signal: AbortSignal): Promise<ServerFacts> {
    const row = await this.#row(SERVER_QUERY, "read the server's settings", signal);
    const bytesPerSecond = Number(row.wal_bytes_per_second ?? NaN);
    return {
      versionNumber: Number(row.version),
      walLevel: row.wal_level ?? "",
      slotsMax: Number(row.slots_max),
      slotsUsed: Number(row.slots_used),
      sendersMax: Number(row.senders_max),
      sendersUsed: Number(row.senders_used),
      canReplicate: row.can_replicate === "t",
      slotKeepBytesMax: Number(row.keep_bytes_max),
      walBytesPerSecond: Number.isFinite(bytesPerSecond) ? bytesPerSecond : null,
      isStandby: row.is_standby === "t",
    };
  }

  /** @returns null if the slot does not exist */
  async slot(slot: string, signal: AbortSignal): Promise<SlotFacts | null> {
    const [row] = await this.#connection.query(
      `SELECT confirmed_flush_lsn, active_pid, wal_status, safe_wal_size, ${WAL_END} AS wal_end,
              ${WAL_END} - restart_lsn AS kept
         FROM pg_catalog.pg_replication_slots WHERE slot_name = ${quoteLiteral(slot)}`,
      `look at slot "${slot}"`,
      signal,
    );
    if (row === undefined) return null;
    return {
      confirmed: parseLsn(row.confirmed_flush_lsn ?? "") ?? null,
      activePid: numberOf(row.active_pid),
      walStatus: row.wal_status ?? null,
      keptBytes: numberOf(row.kept),
      bytesLeft: numberOf(row.safe_wal_size),
      walEnd: parseLsn(row.wal_end ?? "") ?? 0n,
    };
  }

  /** The oldest transaction that has written something and has been open for at least `secondsMin`. */
  async oldTransaction(secondsMin: number, signal: AbortSignal): Promise<OldTransaction | null> {
    const [row] = await this.#connection.query(
      `SELECT pid, floor(extract(epoch FROM now() - xact_start)) AS seconds FROM pg_catalog.pg_stat_activity
        WHERE backend_xid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid()
          AND now() - xact_start > interval '${secondsMin} s' ORDER BY xact_start LIMIT 1`,
      "look for open transactions",
      signal,
    );
    return row === undefined ? null : { pid: Number(row.pid), seconds: Number(row.seconds) };
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #row(query: string, doing: string, signal: AbortSignal): Promise<Row> {
    return await this.#connection.queryRow(query, doing, signal);
  }
}

/** Asks a walsender. Opening one also shows that the role may do so and that a walsender slot is free. */
export async function inspectSystem(options: PostgresOptions, signal: AbortSignal): Promise<SystemFacts> {
  using connection = await PostgresConnection.open(options, "replication", signal);
  const row = await connection.queryRow("IDENTIFY_SYSTEM", "identify the server", signal);
  const timeline = Number(row.timeline);
  const history = timeline === 1 ? undefined : await connection.queryRow(
    `TIMELINE_HISTORY ${timeline}`,
    "read the history of the server's timeline",
    signal,
  );
  return {
    systemIdentifier: row.systemid ?? "",
    timeline,
    timelineHistory: parseTimelineHistory(history?.content ?? ""),
  };
}

const SERVER_QUERY = `
SELECT current_setting('server_version_num') AS version, current_setting('wal_level') AS wal_level,
       current_setting('max_replication_slots') AS slots_max,
       (SELECT count(*) FROM pg_catalog.pg_replication_slots) AS slots_used,
       current_setting('max_wal_senders') AS senders_max,
       (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders()) AS senders_used,
       (SELECT rolreplication OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS can_replicate,
       (SELECT CASE WHEN setting = '-1' THEN -1 ELSE setting::numeric * 1048576 END
          FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_bytes_max,
       (SELECT CASE WHEN now() - stats_reset > interval '1 min'
                    THEN round(wal_bytes / extract(epoch FROM now() - stats_reset)) END
          FROM pg_catalog.pg_stat_wal) AS wal_bytes_per_second,
       pg_catalog.pg_is_in_recovery() AS is_standby`;

function numberOf(text: string | null | undefined): number | null {
  return typeof text === "string" ? Number(text) : null;
}
