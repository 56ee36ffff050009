// Reads and creates replication slots.

import { type Advice, advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import { type Lsn, parseLsn } from "../core/position.ts";
import { Visibility } from "../core/visibility.ts";
import type { SlotBlocker, SlotState, WalState } from "../pipeline/ports.ts";
import { type PostgresConnection, quoteIdentifier, quoteLiteral, type Row } from "./connection.ts";
import { beingSynchronized, DUPLICATE_OBJECT, LOST_SLOT_HINT, sqlStateOf } from "./errors.ts";

/** SQL for the end of the WAL that the server can stream, also on a standby. */
export const WAL_END = `CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                 ELSE pg_catalog.pg_current_wal_flush_lsn() END`;

/**
 * Reads the slot from pg_replication_slots; null if it does not exist.
 * @throws CaptureError `slot-unusable` if it can't serve pgoutput changes of this database,
 *   `postgres-unavailable` while a standby synchronizes it from its primary
 */
export async function readSlot(
  connection: PostgresConnection,
  slot: string,
  database: string,
  signal: AbortSignal,
): Promise<SlotState | null> {
  const [row] = await connection.query(
    // Columns of later versions are null in earlier ones: synced and invalidation_reason came with PostgreSQL
    // 17.
    `SELECT slot_type, plugin, database, active_pid, confirmed_flush_lsn, wal_status,
            pg_catalog.to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
            pg_catalog.pg_is_in_recovery() AND pg_catalog.to_jsonb(s) ->> 'synced' = 'true' AS is_being_synced,
            ${WAL_END} AS wal_end
       FROM pg_catalog.pg_replication_slots s WHERE slot_name = ${quoteLiteral(slot)}`,
    `look at slot "${slot}"`,
    signal,
  );
  if (row === undefined) return null;
  // Checked first: the standby replaces even an invalidated slot as soon as the primary's slot is in order.
  if (row.is_being_synced === "t") throw beingSynchronized(`Cannot use replication slot "${slot}"`);
  refuseUnusable(slot, database, row);
  return {
    confirmedFlushLsn: parseLsn(row.confirmed_flush_lsn ?? "") ?? 0n,
    activePid: typeof row.active_pid === "string" ? Number(row.active_pid) : null,
    walEnd: parseLsn(row.wal_end ?? "") ?? 0n,
  };
}

/**
 * Rejects a standby that was promoted since the session began: its timeline is a different one.
 * @throws CaptureError `postgres-unavailable`
 */
export async function refusePromoted(connection: PostgresConnection, signal: AbortSignal): Promise<void> {
  const row = await connection.queryRow(
    "SELECT pg_catalog.pg_is_in_recovery() AS is_standby",
    "see whether the server is a standby",
    signal,
  );
  if (row.is_standby === "t") return;
  throw new CaptureError("postgres-unavailable", "Cannot continue: the server was promoted; reconnecting");
}

/** Reads the state of the WAL and how much of it the slot retains. */
export async function readWal(
  connection: PostgresConnection,
  slot: string,
  signal: AbortSignal,
): Promise<WalState> {
  const row = await connection.queryRow(
    `SELECT ${WAL_END} AS wal_end, restart_lsn, wal_status, safe_wal_size,
            pg_catalog.pg_current_snapshot() AS visibility
       FROM (SELECT) AS always
       LEFT JOIN pg_catalog.pg_replication_slots ON slot_name = ${quoteLiteral(slot)}`,
    "look at the WAL",
    signal,
    WAL_ANSWER_MS_MAX,
  );
  return {
    end: parseLsn(row.wal_end ?? "") ?? 0n,
    keptFrom: parseLsn(row.restart_lsn ?? "") ?? null,
    status: WAL_STATUSES.find((status) => status === row.wal_status) ?? null,
    bytesLeft: typeof row.safe_wal_size === "string" ? Number(row.safe_wal_size) : null,
    visibility: Visibility.parse(row.visibility ?? "") ?? null,
  };
}

// This query runs every few seconds and so also detects an unreachable server, within 30 s.
const WAL_ANSWER_MS_MAX = 20_000;
const WAL_STATUSES = ["reserved", "extended", "unreserved", "lost"] as const;

/** Reads the end of the WAL that the server can stream. */
export async function readWalEnd(connection: PostgresConnection, signal: AbortSignal): Promise<Lsn> {
  const row = await connection.queryRow(`SELECT ${WAL_END} AS wal_end`, "read the end of the WAL", signal);
  return parseLsn(row.wal_end ?? "") ?? 0n;
}

/**
 * Creates a logical slot for pgoutput. PostgreSQL waits for open transactions to end.
 * @param failover whether standbys keep it, too (PostgreSQL 17 and later)
 * @param temporary whether it is dropped with this connection
 * @returns the consistent point: the stream contains every transaction that commits after it; null if another
 *   instance has created a slot of that name in the meantime
 */
export async function createSlot(
  connection: PostgresConnection,
  slot: string,
  { failover, temporary }: { readonly failover: boolean; readonly temporary: boolean },
  signal: AbortSignal,
): Promise<Lsn | null> {
  // PostgreSQL 14 supports only the form without parentheses, and later versions still accept it.
  const options = failover ? "(SNAPSHOT 'nothing', FAILOVER true)" : "NOEXPORT_SNAPSHOT";
  const kind = temporary ? "TEMPORARY LOGICAL" : "LOGICAL";
  let row: Row;
  try {
    row = await connection.queryRow(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} ${kind} pgoutput ${options}`,
      `create replication slot "${slot}"`,
      signal,
      Infinity,
    );
  } catch (error) {
    if (sqlStateOf(error) === DUPLICATE_OBJECT) return null;
    throw error;
  }
  const consistentPoint = parseLsn(row.consistent_point ?? "");
  if (consistentPoint === undefined) {
    throw new CaptureError(
      "postgres-refused",
      `Cannot create replication slot "${slot}": PostgreSQL named no consistent point`,
    );
  }
  return consistentPoint;
}

/** Reads the transactions that the walsender `pid` waits for while it creates a slot. */
export async function readSlotBlockers(
  connection: PostgresConnection,
  pid: number,
  signal: AbortSignal,
): Promise<readonly SlotBlocker[]> {
  const rows = await connection.query(
    `SELECT b.pid, a.usename, a.application_name, a.xact_start
       FROM unnest(pg_catalog.pg_blocking_pids(${pid})) AS b(pid)
       LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid`,
    "look for the transactions that the slot waits for",
    signal,
  );
  return rows.map((row) => ({
    pid: Number(row.pid),
    username: row.usename ?? undefined,
    application: row.application_name ?? undefined,
    since: row.xact_start ?? undefined,
  }));
}

function refuseUnusable(slot: string, database: string, row: Row): void {
  if (row.slot_type !== "logical" || row.plugin !== "pgoutput") {
    throw unusable(
      slot,
      row.slot_type === "logical" ? `its plugin is ${row.plugin}, not pgoutput` : "it is a physical slot",
      advice`set ${setting("pg.slot_name")} to a name that is free`,
    );
  }
  if (row.database !== database) {
    throw unusable(
      slot,
      `it belongs to database "${row.database}"`,
      advice`set ${setting("pg.slot_name")} to a name that is free, or ${
        setting("pg.database")
      } to that database`,
    );
  }
  if (row.wal_status === "lost") {
    throw unusable(
      slot,
      `it is invalidated${
        typeof row.invalidation_reason === "string" ? ` (${row.invalidation_reason})` : ""
      }, ` +
        "PostgreSQL has removed what it needs",
      LOST_SLOT_HINT,
    );
  }
}

function unusable(slot: string, found: string, hint: Advice): CaptureError {
  return new CaptureError("slot-unusable", `Cannot use replication slot "${slot}": ${found}`, { hint });
}
