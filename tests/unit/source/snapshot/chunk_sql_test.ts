// The SQL that reads rows in pieces.

import { doesNotMatch, match, strictEqual } from "node:assert";
import { beginSql, chunkSql, wholeSql } from "../../../../src/source/snapshot/chunk_sql.ts";
import type { OrderColumn, TablePlan } from "../../../../src/source/snapshot/table_plan.ts";
import { ITEM_TABLE } from "../../../support/row_blocks.ts";

const ID: OrderColumn = {
  name: "id",
  type: "bigint",
  less: "OPERATOR(pg_catalog.<)",
  greater: "OPERATOR(pg_catalog.>)",
  equal: "OPERATOR(pg_catalog.=)",
  collate: "",
};
const NAME: OrderColumn = { ...ID, name: 'na"me', type: "text", collate: ' COLLATE pg_catalog."C"' };
const NEXT = { after: null, keys: null, where: null, rowsMax: 10, bytesMax: 1_000 };

function plan(given: Partial<TablePlan> = {}): TablePlan {
  return {
    ...ITEM_TABLE,
    from: 'ONLY "public"."item"',
    columns: ["id", 'na"me'],
    orderBy: [ID],
    filter: null,
    signature: "",
    ...given,
  };
}

Deno.test("the table is locked in a statement before the one that takes the snapshot", () => {
  match(beginSql(plan()), /^BEGIN .* READ ONLY; LOCK TABLE ONLY "public"\."item" IN ACCESS SHARE MODE$/);
});

Deno.test("the first rows and the next ones come in the order of the key, by its own operators", () => {
  strictEqual(
    chunkSql(plan(), NEXT),
    'SELECT "id", "na""me" FROM ONLY "public"."item" ORDER BY "id" USING OPERATOR(pg_catalog.<) LIMIT 10',
  );
  match(
    chunkSql(plan(), { ...NEXT, after: ["5'"] }),
    /WHERE \("id" OPERATOR\(pg_catalog\.>\) '5'''::bigint\) ORDER/,
  );
});

Deno.test("the columns of a key of one kind are compared as a row, those of several one by one", () => {
  const after = ["5", "a"];
  match(
    chunkSql(plan({ orderBy: [ID, { ...NAME, collate: "" }] }), { ...NEXT, after }),
    /WHERE \(\("id", "na""me"\) OPERATOR\(pg_catalog\.>\) \('5'::bigint, 'a'::text\)\)/,
  );
  const sql = chunkSql(plan({ orderBy: [ID, NAME] }), { ...NEXT, after });
  match(sql, /NOT \("id" OPERATOR\(pg_catalog\.<\) '5'::bigint\) AND \(/);
  match(
    sql,
    /"id" OPERATOR\(pg_catalog\.=\) '5'::bigint AND "na""me" COLLATE pg_catalog\."C" OPERATOR\(pg_catalog\.>\) 'a'::text/,
  );
});

Deno.test("the publication's filter, a condition and keys all have to be met", () => {
  const where = "id > 7 OR true -- and more";
  const keys = [["1"], ["2"]];
  const sql = chunkSql(plan({ filter: "(id < 100)" }), { ...NEXT, where, keys });
  match(
    sql,
    /WHERE \(\("id" .* '1'::bigint\) OR \("id" .* '2'::bigint\)\) AND \(\(id < 100\)\) AND \(id > 7 OR/,
  );
  match(sql, /-- and more\n\)/, "a comment must not take the rest");
  match(wholeSql(plan({ filter: "(id < 100)" }), "id > 7"), /WHERE \(\(id < 100\)\) AND \(id > 7\n\)$/);
  doesNotMatch(wholeSql(plan(), null), /WHERE/);
});

Deno.test("a table without published columns has rows, too", () => {
  strictEqual(wholeSql(plan({ columns: [] }), null), 'SELECT  FROM ONLY "public"."item"');
});
