// The tables that a request names.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { parseTablePattern } from "../../../../src/config/names.ts";
import { matchedTables, parseTables, tableAsPattern } from "../../../../src/cli/snapshot/target.ts";
import { CaptureError } from "../../../../src/core/errors.ts";
import { matchesTable } from "../../../../src/rules/table_pattern.ts";

const TABLES = [["public", "users"], ["public", "orders"], ["sales", "a.b"]].map(([schema, table]) => ({
  schema: schema!,
  table: table!,
}));
const PG = { publication: "shop", tables: undefined };

Deno.test("patterns match published tables, each one once", () => {
  const matched = (...texts: string[]) => matchedTables(parseTables(texts), TABLES, PG).map(tableAsPattern);
  deepStrictEqual(matched("public.users"), ["public.users"]);
  deepStrictEqual(matched("public.*", "public.users"), ["public.users", "public.orders"]);
  deepStrictEqual(matched("*.*"), ["public.users", "public.orders", 'sales."a.b"']);
  deepStrictEqual(matched('sales."a.b"'), ['sales."a.b"']);
  deepStrictEqual(matched(), ["public.users", "public.orders", 'sales."a.b"']);
});

Deno.test("a pattern that matches nothing is named, with the publication", () => {
  const none = parseTables(["public.users", "public.user"]);
  throws(() => matchedTables(none, TABLES, PG), (error) => {
    ok(error instanceof CaptureError && error.kind === "publication-missing");
    strictEqual(
      error.message,
      'Cannot request a snapshot of public.user: publication "shop" has no such table',
    );
    strictEqual(error.fix, 'correct the name, or publish the table: ALTER PUBLICATION "shop" ADD TABLE ...;');
    return true;
  });
  throws(
    () => matchedTables(none, TABLES, { ...PG, tables: [] }),
    (error) =>
      error instanceof CaptureError && error.fix === "correct the name, or add the table to PG_TABLES",
  );
});

Deno.test("what is no pattern is a mistake of the command line", () => {
  for (const texts of [["users"], ["public.users", "a b.c"], [""], Array(1001).fill("a.b")]) {
    throws(
      () => parseTables(texts),
      (error) => error instanceof CaptureError && error.kind === "configuration" && error.fix !== undefined,
    );
  }
});

Deno.test("any table's name is a pattern that matches it, and no other", () => {
  const name = fc.string({ unit: fc.constantFrom("a", ".", "*", '"', " ", ",", "é", "\n"), minLength: 1 });
  fc.assert(fc.property(name, name, name, (schema, table, other) => {
    const parsed = parseTablePattern(tableAsPattern({ schema, table }));
    ok(parsed.kind === "value");
    ok(matchesTable(parsed.value, schema, table));
    strictEqual(matchesTable(parsed.value, schema, other), table === other);
  }));
});
