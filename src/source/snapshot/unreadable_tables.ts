// Finds published tables whose rows the role can't read: streaming needs fewer rights than a snapshot does.

import type { TableName } from "../../core/table_name.ts";
import { type PostgresConnection, quoteIdentifier } from "../connection.ts";
import { publishedSql } from "../publication.ts";

/** A table and the SQL that would let the role read it. */
export interface UnreadableTable {
  readonly schema: string;
  readonly table: string;
  readonly why: "no SELECT" | "row-level security";
  /** SQL that grants the missing right. */
  readonly fix: string;
}

/** Naming a table requires USAGE on its schema. */
const MAY_SELECT = "pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND " +
  "pg_catalog.has_table_privilege(c.oid, 'SELECT')";

export async function readUnreadableTables(
  connection: PostgresConnection,
  publication: string,
  versionNumber: number,
  signal: AbortSignal,
): Promise<readonly UnreadableTable[]> {
  const rows = await connection.query(
    `SELECT n.nspname AS schema, c.relname AS table, current_user AS role,
            ${MAY_SELECT} AS may_select
       FROM (${publishedSql(publication, versionNumber)}) p
       JOIN pg_catalog.pg_class c ON c.oid = p.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE NOT (${MAY_SELECT}) OR pg_catalog.row_security_active(c.oid)
      ORDER BY 1, 2`,
    "look for tables that can't be read",
    signal,
  );
  return rows.map(({ schema, table, role, may_select: maySelect }) => {
    const name = { schema: schema ?? "", table: table ?? "" };
    return maySelect === "t"
      ? { ...name, why: "row-level security", fix: bypassRowSecurity(role ?? "") }
      : { ...name, why: "no SELECT", fix: grantSelect(name, role ?? "") };
  });
}

/** SQL that lets the role read the table. */
export function grantSelect({ schema, table }: TableName, role: string): string {
  const [quotedSchema, quotedRole] = [quoteIdentifier(schema), quoteIdentifier(role)];
  return `GRANT USAGE ON SCHEMA ${quotedSchema} TO ${quotedRole}; ` +
    `GRANT SELECT ON ${quotedSchema}.${quoteIdentifier(table)} TO ${quotedRole};`;
}

/** SQL that lets the role read all rows of tables with row-level security. */
export function bypassRowSecurity(role: string): string {
  return `ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS;`;
}
