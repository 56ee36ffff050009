// What is made of the catalog's answers about a table.

import { deepStrictEqual, strictEqual } from "node:assert";
import { readPlan } from "../../../../src/source/snapshot/table_plan.ts";
import type { TextRow } from "../../../../src/source/snapshot/row_connection.ts";

const LESS = "OPERATOR(pg_catalog.<)";
const operators = [LESS, "OPERATOR(pg_catalog.>)", "OPERATOR(pg_catalog.=)"];

/** A column of an index: primary, replica identity, immediate, position. */
function index(
  primary: string,
  identity: string,
  immediate: string,
  attnum: string,
  collation: string | null = null,
): TextRow {
  return [primary, identity, immediate, attnum, ...operators, collation];
}

interface Facts {
  readonly kind?: string;
  readonly identity?: string;
  readonly published?: string;
  readonly columns?: readonly TextRow[];
  readonly indexes?: readonly TextRow[];
}

function plan(
  { kind = "r", identity = "d", published = "t", columns = COLUMNS, indexes = [PRIMARY] }: Facts = {},
) {
  return readPlan("public", "item", [
    [["signature"]],
    [["7", kind, identity, "-1", null, published]],
    columns,
    indexes,
  ]);
}

const COLUMNS: readonly TextRow[] = [
  ["1", "id", "23", "integer", "t"],
  ["2", "code", "25", "text", "t"],
  ["4", "mine", "90000", "mood", "t"],
];
const PRIMARY = index("t", "f", "t", "1");
const IDENTITY = index("f", "t", "t", "2", 'pg_catalog."C"');

Deno.test("a table that is not there, or not published, has no plan", () => {
  strictEqual(readPlan("public", "item", [[], [], [], []]), null);
  strictEqual(plan({ published: "f" }), null);
});

const ORDERS: Readonly<Record<string, readonly [facts: Facts, order: readonly string[]]>> = {
  "the primary key": [{}, ["id"]],
  "the index that is the replica identity": [{ identity: "i", indexes: [PRIMARY, IDENTITY] }, ["code"]],
  "the primary key with full rows as identity": [{ identity: "f" }, ["id"]],
  "the primary key without an identity": [{ identity: "n" }, ["id"]],
  "a deferrable primary key": [{ indexes: [index("t", "f", "f", "1")] }, ["id"]],
  "nothing where there is no index": [{ indexes: [] }, []],
};
for (const [what, [facts, order]] of Object.entries(ORDERS)) {
  Deno.test(`rows are ordered by ${what}`, () => deepStrictEqual(plan(facts)?.orderNames, order));
}

Deno.test("only an immediate index is an identity, as pgoutput has it", () => {
  const identityOf = (facts: Facts) => plan(facts)?.relation.columns.map(({ isIdentity }) => isIdentity);
  deepStrictEqual(identityOf({}), [true, false, false]);
  deepStrictEqual(identityOf({ indexes: [index("t", "f", "f", "1")] }), [false, false, false]);
  deepStrictEqual(identityOf({ identity: "f" }), [true, true, true]);
  deepStrictEqual(identityOf({ identity: "i", indexes: [PRIMARY, IDENTITY] }), [false, true, false]);
});

Deno.test("a column of the key that is not published is read behind the others", () => {
  const columns = [["1", "id", "23", "integer", "f"], ...COLUMNS.slice(1)];
  const { relation, order, columns: read } = plan({ columns })!;
  deepStrictEqual([relation.columns.map(({ name }) => name), read, order], [
    ["code", "mine"],
    ["code", "mine", "id"],
    [2],
  ]);
});

Deno.test("the order depends on type, operator and collation", () => {
  strictEqual(plan()?.orderRule, `integer ${LESS}`);
  strictEqual(plan({ identity: "i", indexes: [IDENTITY] })?.orderRule, `text ${LESS} COLLATE pg_catalog."C"`);
});

Deno.test("rows of a partitioned table are in its partitions; those of its children are not a table's own", () => {
  strictEqual(plan({ kind: "p" })?.from, '"public"."item"');
  strictEqual(plan()?.from, 'ONLY "public"."item"');
});

Deno.test("types that only the catalog knows are asked for, and an estimate may be missing", () => {
  const { unknownTypes, rowsExpected } = plan()!;
  deepStrictEqual([unknownTypes, rowsExpected], [[90_000], null]);
});
