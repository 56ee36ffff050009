import { deepStrictEqual, strictEqual } from "node:assert";
import { calledNames, conditionFault } from "../../../../src/source/snapshot/condition.ts";

Deno.test("one expression is taken, whatever its strings hold", () => {
  for (
    const condition of [
      "id > 5",
      "name = 'a;b--c' AND (x OR \"odd;name\" = $$ ; ) $$)",
      "note = E'it\\'s; -- fine' OR note LIKE '%\\'",
      "tag = $q$ ' ; $q$ AND a$b = 1",
      "created_at >= '2026-01-01'",
      "n - -1 > 0",
    ]
  ) strictEqual(conditionFault(condition), undefined, condition);
});

Deno.test("what could be more than an expression is refused", () => {
  const faults: Readonly<Record<string, string>> = {
    "true; DROP TABLE t": "it contains a semicolon",
    "true) OR (true": "it closes a parenthesis that it has not opened",
    "(true": "it leaves a parenthesis open",
    "true -- )": "it contains a comment",
    "true /* ": "it contains a comment",
    "name = 'x": "it leaves a quote open",
    'a = "x': "it leaves a quote open",
    'U&"\\0070g_sleep"(1) IS NULL': "it contains a name or string with Unicode escapes",
    "id IN (SELECT id FROM other)": "it contains a query",
    "id IN (TABLE other)": "it contains a query",
    "a = $$x": "it leaves a quote open",
    "name = E'x\\' ; y": "it contains a semicolon",
  };
  for (const [condition, fault] of Object.entries(faults)) {
    strictEqual(conditionFault(condition), fault, condition);
  }
});

Deno.test("names that are called are found, whatever stands in strings", () => {
  deepStrictEqual(
    calledNames(
      `Lower(name) = 'f(x)' AND "Odd""name" (1) > 2 AND id IN (1, 2) AND pg_catalog . pg_sleep (1) IS NULL`,
    ),
    ["lower", 'Odd"name', "in", "pg_sleep"],
  );
});
