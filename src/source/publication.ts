// Checks the publication: whether it exists, its tables, and which of them would fail in the application.

import { CaptureError } from "../core/errors.ts";
import type { PublishedOid, PublishedTable, SourceWarning } from "../pipeline/ports.ts";
import { type PostgresConnection, quoteIdentifier, quoteLiteral } from "./connection.ts";

/**
 * Reads the tables of the publication.
 *
 * Call it before creating a slot: a slot uses the catalog as of each change, so a slot older than its
 * publication is stuck permanently.
 * @throws CaptureError `publication-missing`
 */
export async function readPublication(
  connection: PostgresConnection,
  publication: string,
  signal: AbortSignal,
): Promise<readonly PublishedTable[]> {
  const name = quoteLiteral(publication);
  const found = await connection.query(
    `SELECT 1 AS found FROM pg_catalog.pg_publication WHERE pubname = ${name}`,
    `look for publication "${publication}"`,
    signal,
  );
  if (found.length === 0) throw missing(publication);
  const rows = await connection.query(
    `SELECT p.schemaname AS schema, p.tablename AS table,
            (b.pubupdate OR b.pubdelete)
              AND (c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS
                    (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)) AS no_identity
       FROM pg_catalog.pg_publication_tables p
       JOIN pg_catalog.pg_publication b ON b.pubname = p.pubname
       JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
      WHERE p.pubname = ${name} ORDER BY 1, 2`,
    `list the tables of publication "${publication}"`,
    signal,
  );
  return rows.map((row) => ({
    schema: row.schema ?? "",
    table: row.table ?? "",
    hasReplicaIdentity: row.no_identity !== "t",
  }));
}

/** Reads the tables of the publication with their OIDs. */
export async function readPublishedOids(
  connection: PostgresConnection,
  publication: string,
  signal: AbortSignal,
): Promise<readonly PublishedOid[]> {
  const rows = await connection.query(
    `SELECT n.nspname AS schema, c.relname AS table, c.oid
       FROM pg_catalog.pg_publication_tables p
       JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
      WHERE p.pubname = ${quoteLiteral(publication)} ORDER BY 1, 2`,
    `list the tables of publication "${publication}"`,
    signal,
  );
  return rows.map(({ schema, table, oid }) => ({
    schema: schema ?? "",
    table: table ?? "",
    oid: Number(oid),
  }));
}

/** Reads the operations that the publication does not publish. */
export async function readUnpublished(
  connection: PostgresConnection,
  publication: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const row = await connection.queryRow(
    `SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_catalog.pg_publication
      WHERE pubname = ${quoteLiteral(publication)}`,
    "look at the publication",
    signal,
  );
  return ["insert", "update", "delete", "truncate"].filter((operation) => row[`pub${operation}`] === "f");
}

/** Warnings about the publication. @param unpublished the result of `readUnpublished` */
export function publicationWarnings(
  publication: string,
  tables: readonly PublishedTable[],
  unpublished: readonly string[],
): readonly SourceWarning[] {
  const alter = `ALTER PUBLICATION ${quoteIdentifier(publication)}`;
  return [
    ...(tables.length > 0 ? [] : [{
      found: `The publication "${publication}" has no table: nothing is captured until one is added`,
      fix: `${alter} ADD TABLE ...;`,
    }]),
    ...(unpublished.length === 0 ? [] : [{
      found: `The publication "${publication}" leaves out ${unpublished.join(", ")}: these are not captured`,
      fix: `${alter} SET (publish = 'insert, update, delete, truncate');`,
    }]),
  ];
}

function missing(publication: string): CaptureError {
  return new CaptureError(
    "publication-missing",
    `Cannot replicate: publication "${publication}" does not exist`,
    {
      hint: `CREATE PUBLICATION ${
        quoteIdentifier(publication)
      } FOR ALL TABLES;  (or FOR TABLE ...; then start again)`,
    },
  );
}
