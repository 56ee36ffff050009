// Requests read back as they were written, and what is none is told in one sentence.

import { strict as assert } from "node:assert";
import type { SnapshotRequest } from "../../../src/core/snapshot_state.ts";
import { decodeRequest, encodeRequest } from "../../../src/sink/snapshot_request.ts";

const REQUESTS: readonly SnapshotRequest[] = [
  { kind: "start", id: "s-20261125T003015Z-1f3a", tables: ["public.users", "sales.*"], where: null },
  { kind: "start", id: "s", tables: ["public.users"], where: "note <> 'a'" },
  { kind: "start", id: "s", tables: [], where: null },
  { kind: "pause", tables: ["public.users"] },
  { kind: "resume", tables: [] },
  { kind: "stop", tables: ['"a.b"."c d"'] },
];

Deno.test("any request reads back as it was written", () => {
  for (const request of REQUESTS) {
    assert.deepEqual(decodeRequest(encodeRequest(request)), { request, problem: undefined });
  }
});

Deno.test("a start without a condition takes all rows, whether it says so or not", () => {
  const request = { kind: "start", id: "s", tables: ["a.b"], where: null };
  for (const where of ["", ',"where":null']) {
    assert.deepEqual(
      decode(`{"version":1,"kind":"start","id":"s","tables":["a.b"]${where}}`).request,
      request,
    );
  }
});

Deno.test("what is no request is told in one short sentence", () => {
  const start = '{"version":1,"kind":"start","id":"s","tables":["a.b"],"where":null}';
  const long = "x".repeat(20_000);
  const problems: readonly (readonly [string | null, RegExp])[] = [
    [null, /is not a JSON object/],
    ["", /is not a JSON object/],
    ["{", /is not a JSON object/],
    ["[]", /is not a JSON object/],
    [start.replace('"version":1,', ""), /version is missing, not 1/],
    [start.replace('"version":1', `"version":"${long}"`), /version is "x{40}\.\.\.", not 1/],
    [start.replace('"start"', '"begin"'), /kind is "begin", not start, pause, resume or stop/],
    [start.replace('"start"', '{"a":1}'), /kind is an object/],
    [start.replace('["a.b"]', '"a.b"'), /tables are not an array/],
    [start.replace('["a.b"]', "[1]"), /tables are not an array/],
    [start.replace('["a.b"]', '[""]'), /table "" is not/],
    [start.replace('["a.b"]', `["${long}"]`), /table "x{40}\.\.\." is not/],
    [start.replace('["a.b"]', JSON.stringify(Array(1001).fill("a.b"))), /has 1001 tables, more than 1000/],
    [start.replace('"id":"s",', ""), /id missing is not/],
    [start.replace('"s"', '"a b"'), /id "a b" is not/],
    [start.replace('"s"', `"${long}"`), /id "x{40}\.\.\." is not/],
    [start.replace("null", "7"), /condition is not an SQL text/],
    [start.replace("null", '" "'), /condition is not an SQL text/],
    [start.replace("null", `"${long}"`), /condition has 20000 characters, more than 10000/],
    [start.replace('["a.b"],"where":null', '[],"where":"true"'), /has a condition and names no table/],
  ];
  for (const [value, expected] of problems) {
    const { request, problem = "" } = value === null ? decodeRequest(null) : decode(value);
    assert.equal(request, undefined, `${value}`);
    assert.match(problem, expected);
    assert.match(problem, /^The request[^]*\.$/);
    assert(problem.length < 150, problem);
  }
});

function decode(value: string) {
  return decodeRequest(new TextEncoder().encode(value));
}
