// The publication and its tables.

import type { Config } from "../../config/config.ts";
import { CaptureError } from "../../core/errors.ts";
import type { PublishedTable } from "../../pipeline/ports.ts";
import { quoteIdentifier } from "../../source/connection.ts";
import type { PostgresInspection } from "../../source/inspection.ts";
import { publicationWarnings, readPublication, readUnpublished } from "../../source/publication.ts";
import { managedPublicationFinding } from "./managed_publication_check.ts";
import { failed, type Finding, type Findings, ok, warning } from "./finding.ts";
import type { PostgresFacts } from "./postgres_facts.ts";
import { readableFindings } from "./snapshot_checks.ts";
import { topicNameFindings } from "./topic_name_checks.ts";

const TABLES_NAMED_MAX = 20;

export async function* publicationFindings(
  config: Config,
  inspection: PostgresInspection,
  facts: PostgresFacts,
  versionNumber: number,
  signal: AbortSignal,
): Findings {
  const { pg } = config;
  const check = "PostgreSQL: publication";
  if (pg.tables !== undefined) {
    yield await managedPublicationFinding(config, pg.tables, inspection.connection, versionNumber, signal);
  }
  let tables: readonly PublishedTable[];
  try {
    tables = await readPublication(
      inspection.connection,
      pg.publication,
      versionNumber,
      signal,
    );
  } catch (error) {
    const isMissing = error instanceof CaptureError && error.kind === "publication-missing";
    if (!isMissing || pg.tables === undefined) {
      yield failed(check, error);
    } else {
      yield ok(check, `"${pg.publication}" does not exist yet: run creates it from PG_TABLES`);
    }
    return;
  }
  facts.tables = tables;
  if (tables.length > 0) {
    yield ok(check, `"${pg.publication}" has ${tables.length} table${tables.length === 1 ? "" : "s"}`);
  }
  const unpublished = await readUnpublished(inspection.connection, pg.publication, signal);
  for (const { found, fix } of publicationWarnings(pg.publication, tables, unpublished)) {
    yield warning(check, found, fix);
  }
  yield identityFinding(tables);
  yield* readableFindings(config, inspection, versionNumber, signal);
  yield* topicNameFindings(config, tables);
}

function identityFinding(tables: readonly PublishedTable[]): Finding {
  const check = "PostgreSQL: replica identities";
  const without = tables.filter((table) => !table.hasReplicaIdentity);
  if (without.length === 0) return ok(check, "every table has one");
  const names = without.slice(0, TABLES_NAMED_MAX).map(({ schema, table }) =>
    `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`
  );
  const more = without.length > names.length ? ` and ${without.length - names.length} more` : "";
  return warning(
    check,
    `the application's UPDATE and DELETE statements fail on ${names.join(", ")}${more}`,
    `${names.map((name) => `ALTER TABLE ${name} REPLICA IDENTITY FULL;`).join(" ")}  (or add a primary key)`,
  );
}
