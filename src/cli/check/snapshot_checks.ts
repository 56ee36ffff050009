// Checks whether the rows of the tables can be read, as snapshots require.

import type { Config } from "../../config/config.ts";
import { matchesTable } from "../../rules/table_pattern.ts";
import { quoteIdentifier } from "../../source/connection.ts";
import type { PostgresInspection } from "../../source/inspection.ts";
import { readUnreadableTables } from "../../source/snapshot/unreadable_tables.ts";
import { failure, type Findings, ok, warning } from "./finding.ts";

const NAMED_MAX = 10;

/** Yields nothing if no snapshot is configured. */
export async function* readableFindings(
  { pg, snapshot }: Config,
  inspection: PostgresInspection,
  versionNumber: number,
  signal: AbortSignal,
): Findings {
  if (snapshot.mode === "never") return;
  const check = "PostgreSQL: rows of the tables";
  const unreadable =
    (await readUnreadableTables(inspection.connection, pg.publication, versionNumber, signal))
      .filter(({ schema, table }) =>
        snapshot.tables?.some((pattern) => matchesTable(pattern, schema, table)) ?? true
      );
  if (unreadable.length === 0) {
    yield ok(check, "can be read for the snapshot");
    return;
  }
  const named = unreadable.slice(0, NAMED_MAX);
  const names = named.map(({ schema, table, why }) =>
    `${quoteIdentifier(schema)}.${quoteIdentifier(table)} (${why})`
  );
  const more = unreadable.length > named.length ? ` and ${unreadable.length - named.length} more` : "";
  const found = `the snapshot can't read ${names.join(", ")}${more}`;
  const fix = [...new Set(named.map((each) => each.fix))].join(" ");
  // With `only`, `run` ends with an error once all other tables are sent; otherwise it continues.
  yield snapshot.mode === "only" ? failure(check, found, fix) : warning(check, found, fix);
}
