// The test bed: tests don't meet on the shared servers, and PostgreSQL's rows are read as the JSON that is promised.

import { deepStrictEqual, strictEqual } from "node:assert";
import { createTestBed } from "../support/servers.ts";
import { sql } from "../../dev/servers/psql.ts";
import { readTables } from "../support/table_rows.ts";

Deno.test("a test bed is a database of its own, gone in the end with its slot", async () => {
  await using other = await createTestBed();
  let database: string;
  {
    await using bed = await createTestBed();
    ({ database } = bed.postgres);
    await bed.sql.exec("CREATE TABLE only_here (id int)");
    await bed.sql.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [bed.slot]);
    strictEqual(await bed.sql.value("SELECT pubname FROM pg_publication"), bed.publication);
    await using second = await sql(bed.postgres);
    strictEqual(await second.value("SELECT count(*) FROM only_here"), "0");
  }
  strictEqual(await other.sql.value("SELECT count(*) FROM pg_database WHERE datname = $1", [database]), "0");
  strictEqual(
    await other.sql.value("SELECT count(*) FROM pg_replication_slots WHERE database = $1", [database]),
    "0",
  );
});

Deno.test("rows are read as JSON, value by value", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`
    CREATE TYPE mood AS ENUM ('good');
    CREATE DOMAIN cents AS bigint;
    CREATE TABLE every (
      i bigint, c cents, n numeric, f float8, inf float8, b boolean, t text, e mood, u uuid, j json, jb jsonb, ts timestamp,
      tz timestamptz, never timestamptz, d date, iv interval, by bytea, ia int[], ta text[], na numeric[], nil text
    );
    INSERT INTO every VALUES (
      9223372036854775807, 5, 1.10, 1e20, '-Infinity', true, E'"é\\n', 'good',
      '123e4567-e89b-12d3-a456-426614174000', '{"b": 1.10,"b":2}', '{"b": 1}', '2023-10-15 10:30:00.120',
      '2023-10-15 12:30:00+02', 'infinity', '2023-10-15', '1 day 2 hours', '\\x00ff', '{1,NULL}', '{"a b",NULL}', '{1.0}', NULL
    )`);
  const tables = await readTables(bed.sql, ["public.every"]);
  deepStrictEqual(tables["public.every"]?.map((row) => ({ ...row })), [{
    i: "9223372036854775807",
    c: "5",
    n: '"1.10"',
    f: "1e+20",
    inf: '"-Infinity"',
    b: "true",
    t: '"\\"é\\n"',
    e: '"good"',
    u: '"123e4567-e89b-12d3-a456-426614174000"',
    j: '{"b": 1.10,"b":2}',
    jb: '{"b": 1}',
    ts: '"2023-10-15T10:30:00.12"',
    tz: '"2023-10-15T10:30:00Z"',
    never: '"infinity"',
    d: '"2023-10-15"',
    iv: '"P1DT2H"',
    by: '"AP8="',
    ia: "[1,null]",
    ta: '["a b",null]',
    na: '["1.0"]',
    nil: "null",
  }]);
});
