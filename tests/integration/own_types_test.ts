// Types of a user's own that are named like PostgreSQL's and extensions': they are what they are, whatever their name.

import { deepStrictEqual } from "node:assert";
import { startCapture } from "../support/capture.ts";
import { readTopics } from "../support/consumer.ts";
import { parseRawJson } from "../support/raw_json.ts";
import { createTestBed } from "../support/servers.ts";

/** Names that decide the JSON form of PostgreSQL's own types, and of extensions'. */
const NAMES = ["json", "jsonb", "vector", "hstore", "int4", "numeric", "bool", "bytea", "timestamptz", "box"];

/** A base type that reads and prints what text does. */
function baseType(name: string): string {
  return `CREATE TYPE ${name};
    CREATE FUNCTION ${name}_in(cstring) RETURNS ${name} LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION ${name}_out(${name}) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE TYPE ${name} (INPUT = ${name}_in, OUTPUT = ${name}_out);`;
}

type Case = readonly [type: string, literal: string, json: string];

const CASES: readonly Case[] = [
  ...NAMES.flatMap((name): readonly Case[] => [
    [`bases."${name}"`, "a{1", '"a{1"'],
    [`bases."${name}"[]`, '{a,"{1"}', '["a","{1"]'],
    [`enums."${name}"`, "no {", '"no {"'],
    [`enums."${name}"[]`, '{"no {",NULL}', '["no {",null]'],
    [`domains."${name}"`, "07", '"07"'],
    [`domains."${name}"[]`, "{07}", '["07"]'],
    [`rows."${name}"`, '(x,"no {")', '{"own":"x","label":"no {"}'],
    [`rows."${name}"[]`, '{"(,)"}', '[{"own":null,"label":null}]'],
  ]),
  // Of category A and with an element type, and no array: what it prints has no braces.
  ["bases.pairs", "a,b", '"a,b"'],
  ["bases.pairs[]", '{"a,b",NULL}', '["a,b",null]'],
  // The extension's, in a schema that is not the search path's.
  ["elsewhere.hstore", "a=>1", '{"a":"1"}'],
  ["elsewhere.hstore[]", '{"a=>1"}', '[{"a":"1"}]'],
  ["elsewhere.citext", "A", '"A"'],
  // Made part of an extension, and not the type that the extension is known for.
  ["bases.owned", "a{1", '"a{1"'],
];

Deno.test("a type of a user's own that is named json, vector or int4 is written as PostgreSQL prints it", async () => {
  await using bed = await createTestBed();
  await bed.sql.exec(`CREATE SCHEMA bases; CREATE SCHEMA enums; CREATE SCHEMA domains; CREATE SCHEMA rows;
    CREATE SCHEMA elsewhere;
    CREATE EXTENSION hstore SCHEMA elsewhere;
    CREATE EXTENSION citext SCHEMA elsewhere;
    ${NAMES.map((name) => baseType(`bases.${name}`)).join("\n")}
    ${NAMES.map((name) => `CREATE TYPE enums."${name}" AS ENUM ('no {');`).join("\n")}
    ${NAMES.map((name) => `CREATE DOMAIN domains."${name}" AS text;`).join("\n")}
    ${
    NAMES.map((name) => `CREATE TYPE rows."${name}" AS (own bases."${name}", label enums."${name}");`).join(
      "\n",
    )
  }
    CREATE TYPE bases.pairs;
    CREATE FUNCTION bases.pairs_in(cstring) RETURNS bases.pairs LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION bases.pairs_out(bases.pairs) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE TYPE bases.pairs (INPUT = bases.pairs_in, OUTPUT = bases.pairs_out, CATEGORY = 'A', ELEMENT = "char",
      SUBSCRIPT = raw_array_subscript_handler);
    ${baseType("bases.owned")}
    ALTER EXTENSION hstore ADD TYPE bases.owned`);
  const columns = CASES.map(([type], index) => `c${index} ${type}`);
  await bed.sql.exec(`CREATE TABLE everything (id int PRIMARY KEY, ${columns.join(", ")})`);
  await using capture = await startCapture({ env: bed.env });
  await capture.waitForLog("Streaming");
  const places = CASES.map((_, index) => `$${index + 1}`).join(", ");
  await bed.sql.rows(`INSERT INTO everything VALUES (1, ${places})`, CASES.map(([, literal]) => literal));
  const topic = `${bed.topicPrefix}.public.everything`;
  const [record] = await readTopics({ brokers: bed.brokers, topics: [topic], untilCount: 1 });
  const message = parseRawJson(record!.value!);
  const after = message.kind === "object" ? message.members.get("after") : undefined;
  deepStrictEqual(
    CASES.map(([type, literal], index) => [
      type,
      literal,
      after?.kind === "object" ? after.members.get(`c${index}`)?.raw : undefined,
    ]),
    CASES.map((each) => [...each]),
  );
});
