// Whether a table matches a pattern.

import type { NamePattern, TablePattern } from "./table_rule.ts";

export function matchesTable(pattern: TablePattern, schema: string, table: string): boolean {
  return matchesName(pattern.schema, schema) && matchesName(pattern.table, table);
}

/** Takes each piece at its first place: what follows a star is free, so no other choice could do better. */
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
