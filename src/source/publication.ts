// Checks the publication: whether it exists, its tables, and which of them would fail in the application.

import { CaptureError } from "../core/errors.ts";
import type { PublishedOid, PublishedTable, SourceWarning } from "../pipeline/ports.ts";
import { type PostgresConnection, quoteIdentifier, quoteLiteral } from "./connection.ts";

const POSTGRES_15 = 150_000;

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
  versionNumber: number,
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
    `SELECT n.nspname AS schema, c.relname AS table,
            (b.pubupdate OR b.pubdelete)
              AND (c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS
                    (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)) AS no_identity
       FROM (${publishedSql(publication, versionNumber)}) p
       JOIN pg_catalog.pg_class c ON c.oid = p.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_publication b ON b.pubname = ${name} ORDER BY 1, 2`,
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
  versionNumber: number,
  signal: AbortSignal,
): Promise<readonly PublishedOid[]> {
  const rows = await connection.query(
    `SELECT n.nspname AS schema, c.relname AS table, c.oid
       FROM (${publishedSql(publication, versionNumber)}) p
       JOIN pg_catalog.pg_class c ON c.oid = p.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2`,
    `list the tables of publication "${publication}"`,
    signal,
  );
  return rows.map(({ schema, table, oid }) => ({
    schema: schema ?? "",
    table: table ?? "",
    oid: Number(oid),
  }));
}

/**
 * SQL for the OIDs of the tables under whose names the publication sends changes. `pg_publication_tables` has the
 * same, but opens each table (pg_publication.c, pg_get_publication_tables), so it waits for whoever has locked one.
 */
export function publishedSql(publication: string, versionNumber: number): string {
  const inSchema = "OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s " +
    "WHERE s.pnpubid = b.oid AND s.pnnspid = c.relnamespace)";
  return `WITH RECURSIVE b AS (
              SELECT * FROM pg_catalog.pg_publication WHERE pubname = ${quoteLiteral(publication)}),
            named(oid) AS (
              SELECT c.oid FROM pg_catalog.pg_class c CROSS JOIN b
               WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_relation_is_publishable(c.oid)
                 AND (b.puballtables
                      OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                                  WHERE r.prpubid = b.oid AND r.prrelid = c.oid)
                      ${versionNumber < POSTGRES_15 ? "" : inSchema})
              UNION
              SELECT i.inhrelid FROM named JOIN pg_catalog.pg_inherits i ON i.inhparent = named.oid
                JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition)
            SELECT c.oid FROM named JOIN pg_catalog.pg_class c ON c.oid = named.oid CROSS JOIN b
             WHERE CASE WHEN b.pubviaroot
                        THEN NOT (c.relispartition AND c.oid IN (
                               SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN named a ON a.oid = i.inhparent))
                        ELSE c.relkind = 'r' END`;
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
