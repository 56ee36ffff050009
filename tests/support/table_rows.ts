// Reads a table's rows as the JSON that SPEC section 4 promises for them, written by PostgreSQL itself.

import type { ExpectedRow, ExpectedTables } from "./history.ts";
import type { Sql } from "../../dev/servers/psql.ts";

/**
 * The rows of the tables named `schema.table`, for `checkHistory`. Columns of the types that tests of whole
 * histories use; composites, vectors and arrays of more than one dimension are left to the golden files.
 */
export async function readTables(sql: Sql, tables: readonly string[]): Promise<ExpectedTables> {
  const read: Record<string, readonly ExpectedRow[]> = {};
  for (const table of tables) read[table] = await readTable(sql, table);
  return read;
}

/** @param table `schema.table`, neither of them quoted or with a dot in it */
async function readTable(sql: Sql, table: string): Promise<readonly ExpectedRow[]> {
  const [schema = "", name = ""] = table.split(".");
  const columns = await sql.rows(
    `SELECT attname, COALESCE(base.typname, type.typname) AS type, quote_ident(attname) AS quoted,
            COALESCE(base_element.typname, element.typname) AS element
       FROM pg_attribute
       JOIN pg_type type ON type.oid = atttypid
       LEFT JOIN pg_type base ON base.oid = type.typbasetype
       LEFT JOIN pg_type element ON element.oid = type.typelem AND type.typcategory = 'A'
       LEFT JOIN pg_type base_element ON base_element.oid = element.typbasetype
      WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass AND attnum > 0 AND NOT attisdropped
      ORDER BY attnum`,
    [schema, name],
  );
  const list = columns.map((column) => {
    const { quoted, type, element } = column as Record<"quoted" | "type", string> & {
      readonly element: string | null;
    };
    const value = `t.${quoted}`;
    const json = element === null ? jsonOf(type, value) : jsonOfArray(element, value);
    return `COALESCE(${json}, 'null') AS ${quoted}`;
  });
  await sql.exec(SETTINGS);
  return await sql.rows(
    `SELECT ${list.join(", ")} FROM ${quote(schema)}.${quote(name)} t`,
  ) as readonly ExpectedRow[];
}

/** As the program pins them for its own connection: the text of a value depends on them. */
const SETTINGS = `SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601'; SET TimeZone = 'UTC';
  SET extra_float_digits = 3; SET bytea_output = 'hex'`;

/** An SQL expression for the JSON of `value`, text; null when the value is. */
function jsonOf(type: string, value: string): string {
  switch (type) {
    case "int2":
    case "int4":
    case "int8":
    case "oid":
    case "bool":
      return `to_json(${value})::text`;
    case "json":
    case "jsonb":
      return `${value}::text`;
    case "float4":
    case "float8":
      return `CASE WHEN ${value}::text IN ('NaN', 'Infinity', '-Infinity') THEN to_json(${value}::text)::text
              ELSE ${value}::text END`;
    case "timestamptz":
      return `CASE WHEN isfinite(${value}) THEN to_json(to_json(${value} AT TIME ZONE 'UTC')#>>'{}' || 'Z')::text
              ELSE to_json(${value}::text)::text END`;
    case "timestamp":
    case "date":
    // As text it would lose its spaces.
    case "bpchar":
      return `to_json(${value})::text`;
    case "bytea":
      return `to_json(translate(encode(${value}, 'base64'), E'\\n', ''))::text`;
    default:
      return `to_json(${value}::text)::text`;
  }
}

/** Of one dimension. */
function jsonOfArray(element: string, value: string): string {
  return `CASE WHEN ${value} IS NOT NULL THEN
    '[' || (SELECT COALESCE(string_agg(COALESCE(${jsonOf(element, "e.v")}, 'null'), ',' ORDER BY e.n), '')
              FROM unnest(${value}) WITH ORDINALITY e(v, n)) || ']' END`;
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
