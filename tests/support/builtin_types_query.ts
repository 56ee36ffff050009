// Compares the built-in types with the catalog of a real server.

import { builtinType } from "../../src/core/builtin_types.ts";

/**
 * PostgreSQL's own base, range, multirange and array types: those whose OIDs are fixed, up to 9999 (the
 * manual's section 74.2.2, "OID Assignment"), without pseudo-types and the rows of catalogs.
 */
export const BUILTIN_TYPES_SQL = `
  SELECT t.oid::int4 AS oid,
         CASE WHEN t.typtype IN ('r', 'm') THEN 'range'
              WHEN e.typtype IN ('r', 'm') THEN 'range array'
              WHEN e.oid IS NOT NULL THEN e.typname || ' array ' || t.typdelim::text
              ELSE t.typname::text END AS description
    FROM pg_catalog.pg_type t
    LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
   WHERE t.oid < 10000 AND t.typtype IN ('b', 'r', 'm') AND coalesce(e.typtype, 'b') IN ('b', 'r', 'm')
   ORDER BY 1`;

/** A row of BUILTIN_TYPES_SQL. */
export interface BuiltinTypeRow {
  readonly oid: number;
  readonly description: string;
}

/** What differs between the server and the built-in table, one line each; none where they agree. */
export function builtinTypeDifferences(rows: readonly BuiltinTypeRow[]): string[] {
  return rows
    .map(({ oid, description }) => ({ oid, description, ours: describe(oid) }))
    .filter(({ description, ours }) => description !== ours)
    .map(({ oid, description, ours }) => `${oid}: the server says ${description}, the table says ${ours}`);
}

function describe(oid: number): string {
  const type = builtinType(oid);
  switch (type?.kind) {
    case "base":
      return type.name;
    case "range":
      return "range";
    case "array":
      return type.element.kind === "base" ? `${type.element.name} array ${type.delimiter}` : "range array";
    default:
      return "nothing";
  }
}
