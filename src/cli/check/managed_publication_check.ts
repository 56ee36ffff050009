// Checks whether `run` can create or change the publication for PG_TABLES: the same code, in a read-only
// transaction.

import type { Config } from "../../config/config.ts";
import type { PostgresConnection } from "../../source/connection.ts";
import { sqlStateOf } from "../../source/errors.ts";
import { managePublication } from "../../source/managed_publication.ts";
import { failed, type Finding, ok, warning } from "./finding.ts";

/** read_only_sql_transaction: all checks passed, and only the change itself was refused. */
const READ_ONLY = "25006";

/** @param tables PG_TABLES */
export async function managedPublicationFinding(
  { pg }: Config,
  tables: NonNullable<Config["pg"]["tables"]>,
  connection: PostgresConnection,
  versionNumber: number,
  signal: AbortSignal,
): Promise<Finding> {
  const check = "PostgreSQL: PG_TABLES";
  const kept = { publication: pg.publication, tables, slot: pg.slotName };
  await connection.query("BEGIN READ ONLY", "begin a read-only transaction", signal);
  try {
    const { unmatched } = await managePublication(connection, kept, versionNumber, signal);
    if (unmatched.length === 0) return ok(check, `publication "${pg.publication}" has these tables`);
    return warning(
      check,
      `no table matches ${unmatched.join(", ")}; such tables are captured once they exist`,
    );
  } catch (error) {
    return sqlStateOf(error) === READ_ONLY
      ? ok(check, `run changes publication "${pg.publication}" to match, and has the rights to do it`)
      : failed(check, error);
  } finally {
    await connection.query("ROLLBACK", "end the read-only transaction", signal);
  }
}
