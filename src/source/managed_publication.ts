// Creates the publication of the tables that match the configured patterns, and adds and removes tables.

import { advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import type { PublicationChange } from "../pipeline/ports.ts";
import { type PostgresConnection, quoteIdentifier, quoteLiteral, type Row } from "./connection.ts";
import { DUPLICATE_OBJECT, sqlStateOf } from "./errors.ts";
import type { NamePattern, TablePattern } from "./options.ts";

/** The publication to manage. */
export interface ManagedPublication {
  readonly publication: string;
  readonly tables: readonly TablePattern[];
  /** The slot that reads it. */
  readonly slot: string;
}

/**
 * Creates the publication if it does not exist, adds the tables that match, and removes those that don't. Row
 * filters and column lists of the remaining tables are kept.
 * @throws CaptureError `postgres-refused` if it can't be managed, `publication-missing` if it was created too
 *   late
 */
export async function managePublication(
  connection: PostgresConnection,
  kept: ManagedPublication,
  versionNumber: number,
  signal: AbortSignal,
): Promise<PublicationChange> {
  for (let tries = 1;; tries++) {
    try {
      return await manageOnce(connection, kept, versionNumber, signal);
    } catch (error) {
      if (tries === TRIES_MAX || !CHANGED_MEANWHILE.has(sqlStateOf(error) ?? "")) throw error;
    }
  }
}

// Another instance may manage the same publication: the next attempt sees its changes.
const TRIES_MAX = 5;
/** It already exists (42710, or 23505 if created at the same moment), or is no longer in it (42704). */
const CHANGED_MEANWHILE: ReadonlySet<string> = new Set([DUPLICATE_OBJECT, "23505", "42704"]);

async function manageOnce(
  connection: PostgresConnection,
  kept: ManagedPublication,
  versionNumber: number,
  signal: AbortSignal,
): Promise<PublicationChange> {
  const { publication, tables } = kept;
  // Checked before the publication: another instance starting now creates the publication first, then the
  // slot.
  const hasSlot = await slotExists(connection, kept.slot, signal);
  const wanted = await matchingTables(connection, tables, signal);
  const found = await findPublication(connection, publication, versionNumber, signal);
  const current = found === undefined ? [] : await publishedTables(connection, publication, signal);
  const added = wanted.filter(({ name }) => !current.includes(name));
  const removed = current.filter((name) => !wanted.some((each) => each.name === name));
  const unmatched = tables.filter((_, index) => !wanted.some(({ patterns }) => patterns.has(index)));
  if (found === undefined) {
    if (hasSlot) throw olderSlot(kept);
    await refuseMissingRights(connection, publication, undefined, added, signal);
    await create(connection, publication, added.map(({ name }) => name), signal);
  } else if (added.length > 0 || removed.length > 0) {
    await refuseMissingRights(connection, publication, found, added, signal);
    await alter(connection, publication, added.map(({ name }) => name), removed, signal);
  }
  return {
    made: found === undefined,
    added: added.map(({ name }) => name),
    removed,
    unmatched: unmatched.map(({ text }) => text),
  };
}

/** A table that matches. */
interface WantedTable {
  /** The name, quoted for SQL. */
  readonly name: string;
  readonly isOwn: boolean;
  readonly owner: string;
  /** The numbers of the patterns that match it. */
  readonly patterns: ReadonlySet<number>;
}

/** Finds ordinary and partitioned tables, and partitions none of whose ancestors match. */
async function matchingTables(
  connection: PostgresConnection,
  patterns: readonly TablePattern[],
  signal: AbortSignal,
): Promise<WantedTable[]> {
  const matches = patterns.map(({ schema, table }, index) =>
    `CASE WHEN n.nspname LIKE ${likePattern(schema)} AND c.relname LIKE ${
      likePattern(table)
    } THEN ${index} END`
  );
  const rows = await connection.query(
    `WITH matching AS MATERIALIZED (
       SELECT c.oid, c.relispartition, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
              pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_own,
              pg_catalog.pg_get_userbyid(c.relowner) AS owner,
              pg_catalog.concat_ws(',', ${matches.join(", ")}) AS patterns
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast'))
     SELECT name, is_own, owner, patterns FROM matching m
      WHERE patterns <> '' AND NOT (relispartition AND EXISTS (
              SELECT FROM matching a WHERE a.patterns <> '' AND a.oid <> m.oid
                 AND a.oid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(m.oid))))
      ORDER BY name`,
    "look for the tables to publish",
    signal,
  );
  return rows.map((row) => ({
    name: row.name ?? "",
    isOwn: row.is_own === "t",
    owner: row.owner ?? "",
    patterns: new Set((row.patterns ?? "").split(",").map(Number)),
  }));
}

/** Replaces each star with `%` and escapes everything else. */
function likePattern(pattern: NamePattern): string {
  return quoteLiteral(pattern.map((piece) => piece.replace(/[\\%_]/g, "\\$&")).join("%"));
}

/** Finds the publication, if it lists its tables one by one. */
async function findPublication(
  connection: PostgresConnection,
  publication: string,
  versionNumber: number,
  signal: AbortSignal,
): Promise<Row | undefined> {
  const schemas = versionNumber < 150_000
    ? "false"
    : "EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid)";
  const [row] = await connection.query(
    `SELECT puballtables, ${schemas} AS has_schemas, pg_catalog.pg_get_userbyid(pubowner) AS owner,
            pg_catalog.pg_has_role(pubowner, 'USAGE') AS is_own
       FROM pg_catalog.pg_publication p WHERE pubname = ${quoteLiteral(publication)}`,
    `look at publication "${publication}"`,
    signal,
  );
  if (row?.puballtables !== "t" && row?.has_schemas !== "t") return row;
  throw new CaptureError(
    "postgres-refused",
    `Cannot manage publication "${publication}": it is for ${
      row.puballtables === "t" ? "all tables" : "whole schemas"
    }`,
    {
      hint: advice`unset ${setting("pg.tables")} to capture what it publishes, or set ${
        setting("pg.publication")
      } to another name`,
    },
  );
}

async function publishedTables(
  connection: PostgresConnection,
  publication: string,
  signal: AbortSignal,
): Promise<string[]> {
  const rows = await connection.query(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_catalog.pg_publication_rel r
       JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
       JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE p.pubname = ${quoteLiteral(publication)} ORDER BY 1`,
    `list the tables of publication "${publication}"`,
    signal,
  );
  return rows.map((row) => row.name ?? "");
}

async function slotExists(
  connection: PostgresConnection,
  slot: string,
  signal: AbortSignal,
): Promise<boolean> {
  const slots = await connection.query(
    `SELECT 1 AS found FROM pg_catalog.pg_replication_slots WHERE slot_name = ${quoteLiteral(slot)}`,
    `look for slot "${slot}"`,
    signal,
  );
  return slots.length > 0;
}

/**
 * A slot reads each change with the catalog as of that change, so a slot older than its publication gets
 * stuck.
 */
function olderSlot({ publication, slot }: ManagedPublication): CaptureError {
  return new CaptureError(
    "publication-missing",
    `Cannot create publication "${publication}": slot "${slot}" is there already and would not see it in the changes ` +
      `that it holds`,
    {
      hint: advice`set ${setting("pg.publication")} to the publication that the slot was used with, or ${
        setting("pg.slot_name")
      } to a new name`,
    },
  );
}

/** Reports all missing rights with the commands that grant them: PostgreSQL names only one at a time. */
async function refuseMissingRights(
  connection: PostgresConnection,
  publication: string,
  found: Row | undefined,
  added: readonly WantedTable[],
  signal: AbortSignal,
): Promise<void> {
  const me = await connection.queryRow(
    `SELECT current_user AS role, current_database() AS database,
            pg_catalog.has_database_privilege(current_database(), 'CREATE') AS may_create`,
    "look at the role's rights",
    signal,
  );
  const role = quoteIdentifier(me.role ?? "");
  const missing: string[] = [];
  const fixes = new Set<string>();
  if (found === undefined && me.may_create !== "t") {
    missing.push(`it needs CREATE on database "${me.database}"`);
    fixes.add(`GRANT CREATE ON DATABASE ${quoteIdentifier(me.database ?? "")} TO ${role};`);
  }
  if (found !== undefined && found.is_own !== "t") {
    missing.push(`the publication is owned by "${found.owner}"`);
    fixes.add(`GRANT ${quoteIdentifier(found.owner ?? "")} TO ${role};`);
  }
  for (const { name, owner } of added.filter(({ isOwn }) => !isOwn)) {
    missing.push(`table ${name} is owned by "${owner}"`);
    fixes.add(`GRANT ${quoteIdentifier(owner)} TO ${role};`);
  }
  if (missing.length === 0) return;
  throw new CaptureError(
    "postgres-refused",
    `Cannot manage publication "${publication}" as role "${me.role}": ${missing.join("; ")}`,
    {
      hint: advice`${[...fixes].join(" ")} Or unset ${
        setting("pg.tables")
      } and create the publication yourself`,
    },
  );
}

async function create(
  connection: PostgresConnection,
  publication: string,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await connection.query(
    `CREATE PUBLICATION ${quoteIdentifier(publication)} ${
      tables.length === 0 ? "" : `FOR TABLE ${list(tables)}`
    }
       WITH (publish_via_partition_root = true)`,
    `create publication "${publication}"`,
    signal,
  );
}

async function alter(
  connection: PostgresConnection,
  publication: string,
  added: readonly string[],
  removed: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const name = quoteIdentifier(publication);
  const doing = `change publication "${publication}"`;
  if (added.length > 0) {
    await connection.query(`ALTER PUBLICATION ${name} ADD TABLE ${list(added)}`, doing, signal);
  }
  if (removed.length > 0) {
    await connection.query(`ALTER PUBLICATION ${name} DROP TABLE ${list(removed)}`, doing, signal);
  }
}

/** Excludes the tables that inherit from them, which match by themselves or not at all. */
function list(tables: readonly string[]): string {
  return tables.map((table) => `ONLY ${table}`).join(", ");
}
