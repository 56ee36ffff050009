// A change that PostgreSQL itself cannot decode: which table it belongs to, as far as the stream tells.

import type { Table } from "../decoder/table.ts";
import { CaptureError } from "../core/errors.ts";

const TABLES_NAMED_MAX = 10;

/**
 * Adds the table to a `poison-change` error. PostgreSQL describes a table before it encodes its first row on
 * a connection (pgoutput.c, maybe_send_schema). So the change belongs to a described table, and if no row
 * came after the last description, to that one.
 * @param described the table that was described last, if no row came since
 * @param known all tables that were described on this connection
 */
export function poisonError(
  found: CaptureError,
  described: Table | undefined,
  known: readonly Table[],
): CaptureError {
  const tables = (described === undefined ? known : [described]).map(
    ({ schema, table }) => `${JSON.stringify(schema)}.${JSON.stringify(table)}`,
  );
  if (tables.length === 0) return found;
  const named = tables.slice(0, TABLES_NAMED_MAX).join(", ") +
    (tables.length > TABLES_NAMED_MAX ? ` and ${tables.length - TABLES_NAMED_MAX} more` : "");
  const whose = tables.length === 1 ? `a change of table ${named}` : `a change of one of the tables ${named}`;
  return new CaptureError(found.kind, `${found.message}: it is ${whose}`, {
    cause: found,
    ...(found.hint === undefined ? {} : { hint: found.hint }),
  });
}
