// Finds the table of a change that PostgreSQL itself cannot decode, as far as the stream tells.

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
  known: Iterable<Table>,
): CaptureError {
  const names: string[] = [];
  let count = 0;
  for (const { schema, table } of described === undefined ? known : [described]) {
    if (count++ < TABLES_NAMED_MAX) names.push(`${JSON.stringify(schema)}.${JSON.stringify(table)}`);
  }
  if (count === 0) return found;
  const named = names.join(", ") + (count > TABLES_NAMED_MAX ? ` and ${count - TABLES_NAMED_MAX} more` : "");
  const whose = count === 1 ? `a change of table ${named}` : `a change of one of the tables ${named}`;
  return new CaptureError(found.kind, `${found.message}: it is ${whose}`, {
    cause: found,
    ...(found.hint === undefined ? {} : { hint: found.hint }),
  });
}
