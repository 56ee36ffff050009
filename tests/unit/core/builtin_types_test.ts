// PostgreSQL's own types are known by their OIDs.

import assert from "node:assert/strict";
import { builtinType } from "../../../src/core/builtin_types.ts";
import { arrayOf, base } from "../../support/write_value.ts";
import { builtinTypeDifferences } from "../../support/builtin_types_query.ts";

Deno.test("base types and their arrays are known by OID", () => {
  assert.deepEqual(builtinType(20), base("int8"));
  assert.deepEqual(builtinType(1016), arrayOf(base("int8")));
  assert.deepEqual(builtinType(1184), base("timestamptz"));
  assert.deepEqual(builtinType(3807), arrayOf(base("jsonb")));
});

Deno.test("box's array has a semicolon, and the vectors of the catalog are no arrays", () => {
  assert.deepEqual(builtinType(1020), arrayOf(base("box"), ";"));
  assert.deepEqual(builtinType(22), base("int2vector"));
  assert.deepEqual(builtinType(30), base("oidvector"));
  assert.deepEqual(builtinType(1006), arrayOf(base("int2vector")));
});

Deno.test("ranges, multiranges and their arrays are known by OID", () => {
  for (const oid of [3904, 3910, 4451, 4536]) assert.deepEqual(builtinType(oid), { kind: "range" });
  for (const oid of [3905, 3911, 6150, 6157]) assert.deepEqual(builtinType(oid), arrayOf({ kind: "range" }));
});

Deno.test("other OIDs are not known: the catalog has to be asked", () => {
  for (const oid of [0, 71, 705, 2278, 9999, 16384, 4294967295, -1]) {
    assert.equal(builtinType(oid), undefined);
  }
});

Deno.test("the comparison with a server's catalog finds what differs", () => {
  assert.deepEqual(
    builtinTypeDifferences([{ oid: 1020, description: "box array ;" }, { oid: 3904, description: "range" }]),
    [],
  );
  assert.deepEqual(
    builtinTypeDifferences([{ oid: 20, description: "int9" }, { oid: 1, description: "new" }]),
    [
      "20: the server says int9, the table says int8",
      "1: the server says new, the table says nothing",
    ],
  );
});
