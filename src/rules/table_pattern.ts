// Matches tables with patterns.

import type { NamePattern, TablePattern } from "./table_rule.ts";

export function matchesTable(pattern: TablePattern, schema: string, table: string): boolean {
  return matchesName(pattern.schema, schema) && matchesName(pattern.table, table);
}

/**
 * Each part is matched at its first occurrence: any text may follow a star, so no later occurrence can do
 * better.
 */
function matchesName(pattern: NamePattern, name: string): boolean {
  const [first = "", ...others] = pattern;
  const last = others.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let end = first.length;
  for (const piece of others) {
    const at = name.indexOf(piece, end);
    if (at < 0) return false;
    end = at + piece.length;
  }
  return name.length - last.length >= end && name.endsWith(last);
}
