// The tables of a request: patterns from the command line, and the tables that they match.

import type { Config } from "../../config/config.ts";
import { parseTablePattern, type TablePattern } from "../../config/names.ts";
import { advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import type { TableName } from "../../core/table_name.ts";
import { matchesTable } from "../../rules/table_pattern.ts";
import { TABLE_PATTERNS_MAX } from "../../sink/snapshot_request.ts";
import { quoteIdentifier } from "../../source/connection.ts";

/** @throws CaptureError `configuration` if one of the texts is not a pattern */
export function parseTables(texts: readonly string[]): readonly TablePattern[] {
  if (texts.length > TABLE_PATTERNS_MAX) {
    throw new CaptureError(
      "configuration",
      `Cannot request a snapshot of ${texts.length} tables: at most ${TABLE_PATTERNS_MAX} can be named`,
      { hint: "use patterns, such as public.*" },
    );
  }
  return texts.map((text) => {
    const parsed = parseTablePattern(text);
    if (parsed.kind === "value") return parsed.value;
    throw new CaptureError("configuration", `Cannot request a snapshot: ${parsed.problem}`, {
      hint: parsed.fix,
    });
  });
}

/**
 * Selects the tables that a pattern matches; without a pattern, all of them.
 * @throws CaptureError `publication-missing` if a pattern matches none
 */
export function matchedTables(
  patterns: readonly TablePattern[],
  tables: readonly TableName[],
  { publication, tables: managed }: Pick<Config["pg"], "publication" | "tables">,
): readonly TableName[] {
  const matches = (pattern: TablePattern) => ({ schema, table }: TableName) =>
    matchesTable(pattern, schema, table);
  const unmatched = patterns.find((pattern) => !tables.some(matches(pattern)));
  if (unmatched !== undefined) {
    const alter = `ALTER PUBLICATION ${quoteIdentifier(publication)} ADD TABLE ...;`;
    throw new CaptureError(
      "publication-missing",
      `Cannot request a snapshot of ${unmatched.text}: publication "${publication}" has no such table`,
      {
        hint: managed === undefined
          ? `correct the name, or publish the table: ${alter}`
          : advice`correct the name, or add the table to ${setting("pg.tables")}`,
      },
    );
  }
  return patterns.length === 0
    ? tables
    : tables.filter((table) => patterns.some((pattern) => matches(pattern)(table)));
}

/** The name as a pattern that matches only this table. */
export function tableAsPattern({ schema, table }: TableName): string {
  const part = (name: string) => /^[^\s.",*]+$/.test(name) ? name : quoteIdentifier(name);
  return `${part(schema)}.${part(table)}`;
}
