// Every type on real servers: from a value in a table to the JSON in Kafka, and back.

import { deepStrictEqual, strictEqual } from "node:assert";
import { builtinType } from "../../src/core/builtin_types.ts";
import type { PgType } from "../../src/core/pg_type.ts";
import { describeRelation } from "../../src/source/catalog.ts";
import { PostgresConnection } from "../../src/source/connection.ts";
import { BUILTIN_TYPES_SQL, builtinTypeDifferences } from "../support/builtin_types_query.ts";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { literalOf } from "../support/json_to_literal.ts";
import { LITERALS } from "../support/literals.ts";
import { parseRawJson, type RawJson } from "../support/raw_json.ts";
import { createTestBed, type TestBed } from "../support/servers.ts";
import { MORE_TYPE_VALUES, MORE_TYPES_SQL } from "../support/more_type_values.ts";
import { TYPE_VALUES, TYPES_SQL } from "../support/type_values.ts";
import { sourceOptions } from "../support/source_options.ts";

/** Settings that change how PostgreSQL prints values. */
const SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: "German, DMY",
  IntervalStyle: "sql_standard",
  TimeZone: "Asia/Kolkata",
  extra_float_digits: "-5",
  bytea_output: "escape",
  search_path: "nowhere",
  client_encoding: "LATIN1",
  xmloption: "document",
  quote_all_identifiers: "on",
  statement_timeout: "50ms",
};

const ALL_VALUES = [...TYPE_VALUES, ...MORE_TYPE_VALUES];

for (const withSettings of [false, true]) {
  const conditions = withSettings ? ", whatever the role and the database have set" : "";
  Deno.test(`each value of each type has its exact JSON${conditions}`, async () => {
    await using bed = await createTestBed();
    await bed.sql.exec(TYPES_SQL + MORE_TYPES_SQL);
    const columns = ALL_VALUES.map(([type], index) => `c${index} ${type}`);
    await bed.sql.exec(`CREATE TABLE everything (id int PRIMARY KEY, ${columns.join(", ")})`);
    if (withSettings) await set(bed);
    await using capture = await startCapture({ env: bed.env });
    await capture.waitForLog("Streaming");
    const places = ALL_VALUES.map((_, index) => `$${index + 1}`).join(", ");
    await bed.sql.rows(`INSERT INTO everything VALUES (1, ${places})`, ALL_VALUES.map(([, value]) => value));
    const [after] = await rowsOf(bed, "everything", 1);
    deepStrictEqual(
      ALL_VALUES.map(([type, literal], index) => [type, literal, after!.get(`c${index}`)?.raw]),
      ALL_VALUES.map(([...each]) => each),
    );
  });
}

Deno.test("the table of PostgreSQL's own types is that of the server's catalog", async () => {
  await using bed = await createTestBed();
  const rows = await bed.sql.rows(BUILTIN_TYPES_SQL);
  deepStrictEqual(
    builtinTypeDifferences(rows.map((row) => ({ oid: Number(row.oid), description: row.description ?? "" }))),
    [],
  );
});

Deno.test("a value of each base type that takes a literal, read from Kafka and written back, is the same", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(TYPES_SQL);
  const values = await acceptedLiterals(bed);
  const types = [...values.keys()];
  const columns = types.map((type, index) => `c${index} ${type}`).join(", ");
  await bed.sql.exec(`CREATE TABLE source (id int PRIMARY KEY, ${columns})`);
  await bed.sql.exec("CREATE TABLE target (LIKE source)");
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  const count = Math.max(...Array.from(values.values(), (literals) => literals.length));
  for (let row = 0; row < count; row++) {
    await insert(bed, "source", row, types.map((type) => values.get(type)![row] ?? null));
  }
  const pgTypes = await columnTypes(bed, "source");
  for (const [row, after] of (await rowsOf(bed, "source", count)).entries()) {
    await insert(
      bed,
      "target",
      row,
      types.map((_, index) => literalOf(pgTypes[index + 1]!, after.get(`c${index}`)!)),
    );
  }
  for (const [index, type] of types.entries()) {
    for (const [left, right] of [["source", "target"], ["target", "source"]]) {
      // As text: not every type can be compared, and where it can, equal may be less than the same.
      const different = await bed.sql.rows(
        `SELECT id, ROW(c${index})::text FROM ${left} EXCEPT SELECT id, ROW(c${index})::text FROM ${right}`,
      );
      deepStrictEqual(different, [], `${type} in the table ${left}`);
    }
  }
  strictEqual(await bed.sql.value("SELECT count(*) FROM target"), String(count));
  strictEqual(types.length > 140, true, `only ${types.length} types`);
});

/** For the database, and for the role in it. */
async function set(bed: TestBed): Promise<void> {
  for (const [name, value] of Object.entries(SETTINGS)) {
    await bed.sql.exec(`ALTER DATABASE ${bed.postgres.database} SET ${name} = '${value}'`);
    await bed.sql.exec(
      `ALTER ROLE ${bed.postgres.user} IN DATABASE ${bed.postgres.database} SET ${name} = '${value}'`,
    );
  }
}

/** `after` of each of the table's messages. */
async function rowsOf(
  bed: TestBed,
  table: string,
  count: number,
): Promise<ReadonlyMap<string, RawJson>[]> {
  const topics = [`${bed.topicPrefix}.public.${table}`];
  const records = await readTopics({ brokers: bed.brokers, topics, untilCount: count });
  strictEqual(records.length, count);
  const rows = records.map(({ value }) => {
    const message = parseRawJson(value!);
    const after = message.kind === "object" ? message.members.get("after") : undefined;
    if (after?.kind !== "object") throw new Error("a message without a row");
    return after.members;
  });
  return rows.sort((a, b) => Number(a.get("id")?.raw) - Number(b.get("id")?.raw));
}

async function insert(
  bed: TestBed,
  table: string,
  id: number,
  literals: readonly (string | null)[],
): Promise<void> {
  const places = literals.map((_, index) => `$${index + 2}`).join(", ");
  await bed.sql.rows(`INSERT INTO ${table} VALUES ($1, ${places})`, [id, ...literals]);
}

/** JSON's own null and SQL's read the same, and so do a dimension and an array in it: docs/TYPES.md says so. */
const AMBIGUOUS_JSON = new Set(["null", '{"null"}', '{{"1",NULL},{"1","1"}}', '{{"t",NULL},{"t","t"}}']);

/** Each type that a column can have, its arrays included, and those of the literals that it takes. */
async function acceptedLiterals(bed: TestBed): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await bed.sql.rows(
    `SELECT format('%I.%I', n.nspname, t.typname) AS type, t.typcategory = 'A' AS is_array
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
       LEFT JOIN pg_type e ON e.typarray = t.oid
       LEFT JOIN pg_class c ON c.oid = COALESCE(e.typrelid, t.typrelid)
      WHERE COALESCE(e.typtype, t.typtype) <> 'p' AND COALESCE(c.relkind, 'c') = 'c'
        AND n.nspname IN ('pg_catalog', 'public')
        -- JSON does not tell whether an array is an element of those or a dimension.
        AND NOT EXISTS (SELECT FROM pg_type b WHERE b.oid = e.typbasetype AND b.typcategory = 'A')
      ORDER BY t.oid`,
  );
  const accepted = new Map<string, readonly string[]>();
  for (const row of rows) {
    const type = row.type!;
    const taken: string[] = [];
    for (const literal of LITERALS) {
      // Some input functions throw although they are asked whether they would.
      const valid = await bed.sql.value("SELECT pg_input_is_valid($1, $2)", [literal, type]).catch(() => "f");
      if (valid === "t" && !(/json/.test(type) && AMBIGUOUS_JSON.has(literal))) taken.push(literal);
    }
    if (taken.length > 0) accepted.set(type, taken);
  }
  return accepted;
}

async function columnTypes(bed: TestBed, table: string): Promise<readonly PgType[]> {
  const signal = new AbortController().signal;
  using connection = await PostgresConnection.open(sourceOptions(bed.postgres), "sql", signal);
  const rows = await bed.sql.rows(
    `SELECT atttypid::text AS oid FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum`,
    [table],
  );
  const oids = rows.map((row) => Number(row.oid));
  const unknown = [...new Set(oids.filter((oid) => builtinType(oid) === undefined))];
  const { types } = await describeRelation(connection, 0, unknown, builtinType, signal);
  return oids.map((oid) => builtinType(oid) ?? types.get(oid)!);
}
