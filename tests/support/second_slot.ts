// What PostgreSQL itself says was changed: a second slot, read by the server's own function, beside the one under test.

import type { Sql } from "../../dev/servers/psql.ts";

/** One message of pgoutput that a capture has to deliver. */
export interface DecodedChange {
  readonly commitLsn: bigint;
  /** The change's own LSN, as `source.lsn` has it. */
  readonly lsn: string;
  readonly kind: "insert" | "update" | "delete" | "truncate" | "message";
  /** How many tables a truncate empties; 1 for all others. */
  readonly count: number;
}

/** The name of the slot that is read beside `slot`. */
export function secondSlot(slot: string): string {
  return `${slot}_second`;
}

/** Makes it; the publication has to be there. */
export async function createSecondSlot(sql: Sql, slot: string): Promise<void> {
  await sql.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [secondSlot(slot)]);
}

/** From now on it decodes only what is committed later: what is in the topics before that is not asked for. */
export async function forgetDecoded(sql: Sql, slot: string): Promise<void> {
  await sql.rows("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", [secondSlot(slot)]);
}

/** All changes since it was made, in the order in which PostgreSQL sends them; null where there is no such slot. */
export async function readSecondSlot(
  sql: Sql,
  slot: string,
  publication: string,
): Promise<readonly DecodedChange[] | null> {
  const name = secondSlot(slot);
  const exists = await sql.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [name]);
  if (exists !== "1") return null;
  const rows = await sql.rows(CHANGES, [name, `"${publication.replaceAll('"', '""')}"`]);
  const changes: DecodedChange[] = [];
  let commitLsn = 0n;
  for (const { lsn, tag, number, message_lsn, transactional } of rows) {
    if (tag === "B") {
      commitLsn = BigInt(`0x${number}`);
      continue;
    }
    const kind = KINDS[tag ?? ""];
    if (kind === undefined) continue;
    const isOutside = kind === "message" && transactional === "0";
    changes.push({
      commitLsn: isOutside ? BigInt(`0x${message_lsn}`) : commitLsn,
      lsn: lsn!,
      kind,
      count: kind === "truncate" ? Number(`0x${number}`) : 1,
    });
  }
  return changes;
}

const KINDS: Readonly<Record<string, DecodedChange["kind"]>> = {
  I: "insert",
  U: "update",
  D: "delete",
  T: "truncate",
  M: "message",
};

// Of each message only what is compared leaves the server: rows may be large.
const CHANGES = `
SELECT lsn, chr(get_byte(data, 0)) AS tag,
       encode(CASE chr(get_byte(data, 0)) WHEN 'B' THEN substring(data FROM 2 FOR 8)
                                          WHEN 'T' THEN substring(data FROM 2 FOR 4) END, 'hex') AS number,
       CASE chr(get_byte(data, 0)) WHEN 'M' THEN get_byte(data, 1) END AS transactional,
       CASE chr(get_byte(data, 0)) WHEN 'M' THEN encode(substring(data FROM 3 FOR 8), 'hex') END AS message_lsn
  FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', $2,
                                           'messages', 'true')`;
