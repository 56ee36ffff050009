// The records of the state topic read back as they were written, and nothing else passes for one.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { CaptureError } from "../../../src/core/errors.ts";
import type { SnapshotState } from "../../../src/core/snapshot_state.ts";
import {
  decodeHoldsUnshown,
  decodeRequestsTaken,
  decodeSnapshotKey,
  decodeSnapshotState,
  encodeHoldsUnshown,
  encodeRequestsTaken,
  encodeSnapshotKey,
  encodeSnapshotState,
  type SnapshotKey,
} from "../../../src/sink/snapshot_record.ts";
import { encodeProgressKey } from "../../../src/sink/progress_record.ts";

const IDENTITY = { systemIdentifier: "7301234567890123456", database: "shop", slot: "orders" };
const USERS: SnapshotKey = { kind: "state", schema: "public", table: "users" };
const STATE: SnapshotState = {
  schema: "public",
  table: "users",
  id: "s-1",
  status: "running",
  where: "id < 100",
  tableOid: 16_384,
  keyColumns: ["tenant", "id"],
  lastKey: ["a", "7"],
  again: [["a", "3"]],
  rows: 7,
  rowsExpected: 1_000,
  keyOrder: "",
  isWhole: false,
  reason: null,
  requestedAtMs: 1_700_000_000_000,
  startedAtMs: 1_700_000_000_100,
  updatedAtMs: 1_700_000_000_200,
};

Deno.test("keys and values are the JSON that the documentation shows", () => {
  const identity = '"system_identifier":"7301234567890123456","database":"shop","slot":"orders"';
  assert.equal(
    text(encodeSnapshotKey(IDENTITY, USERS)),
    `{${identity},"schema":"public","table":"users"}`,
  );
  assert.equal(
    text(encodeSnapshotKey(IDENTITY, { kind: "requests-taken" })),
    `{${identity},"requests":true}`,
  );
  assert.equal(
    text(encodeSnapshotKey(IDENTITY, { kind: "holds-unshown" })),
    `{${identity},"holds_unshown":true}`,
  );
  assert.equal(text(encodeHoldsUnshown(true)), '{"version":1,"holds":true}');
  assert.equal(
    text(encodeSnapshotState(STATE)),
    '{"version":1,"id":"s-1","status":"running","where":"id < 100","table_oid":16384,' +
      '"key_columns":["tenant","id"],"last_key":["a","7"],"again":[["a","3"]],"rows":7,"rows_expected":1000,' +
      '"key_order":"","is_whole":false,"reason":null,"requested_at_ms":1700000000000,"started_at_ms":1700000000100,' +
      '"updated_at_ms":1700000000200}',
  );
  assert.equal(text(encodeRequestsTaken(7n)), '{"version":1,"taken":"7"}');
});

Deno.test("any state reads back as it was written, and so does its key", () => {
  const name = fc.string({ unit: "binary", minLength: 1 });
  const nullable = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
  const key = fc.array(fc.string({ unit: "binary" }), { minLength: 2, maxLength: 2 });
  const state: fc.Arbitrary<SnapshotState> = fc.record({
    schema: name,
    table: name,
    id: name,
    status: fc.constantFrom("queued", "running", "paused", "complete", "stopped", "failed"),
    where: nullable(name),
    tableOid: fc.maxSafeNat(),
    keyColumns: fc.constant(["a", "b"]),
    lastKey: nullable(key),
    again: fc.array(key),
    rows: fc.maxSafeNat(),
    rowsExpected: nullable(fc.maxSafeNat()),
    keyOrder: fc.string(),
    isWhole: fc.boolean(),
    reason: nullable(name),
    requestedAtMs: fc.maxSafeNat(),
    startedAtMs: nullable(fc.maxSafeNat()),
    updatedAtMs: fc.maxSafeNat(),
  });
  fc.assert(fc.property(state, (each) => {
    assert.deepEqual(decodeSnapshotState(each, encodeSnapshotState(each)), { ...each });
    const { schema, table } = each;
    const key = encodeSnapshotKey(IDENTITY, { kind: "state", schema, table });
    assert.deepEqual(decodeSnapshotKey(IDENTITY, key), { kind: "state", schema, table });
  }));
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), (taken) => {
    assert.equal(decodeRequestsTaken(encodeRequestsTaken(taken)), taken);
  }));
});

Deno.test("the other records read back as they were written", () => {
  for (const key of [{ kind: "requests-taken" }, { kind: "holds-unshown" }] as const) {
    assert.deepEqual(decodeSnapshotKey(IDENTITY, encodeSnapshotKey(IDENTITY, key)), key);
  }
  for (const holds of [true, false]) assert.equal(decodeHoldsUnshown(encodeHoldsUnshown(holds)), holds);
  for (const value of ['{"version":1}', '{"version":1,"holds":1}', '{"version":2,"holds":true}', ""]) {
    assert.throws(() => decodeHoldsUnshown(bytes(value)), /Cannot read the record that says whether/);
  }
});

Deno.test("a key of another source, or one that is written in another way, is not ours", () => {
  const ours = text(encodeSnapshotKey(IDENTITY, USERS));
  assert.deepEqual(decodeSnapshotKey(IDENTITY, bytes(ours)), USERS);
  const others = [
    text(encodeSnapshotKey({ ...IDENTITY, slot: "other" }, USERS)),
    text(encodeProgressKey(IDENTITY)),
    ours.replace(":", ": "),
    ours.replace('"schema":"public"', '"schema":1'),
    ours.replace("}", ',"requests":true}'),
    "not JSON",
    "[]",
    "null",
    "",
  ];
  for (const other of others) assert.equal(decodeSnapshotKey(IDENTITY, bytes(other)), undefined, other);
});

Deno.test("a value of a newer version, or one that is no state, is a conflict with a fix", () => {
  const good = text(encodeSnapshotState(STATE));
  const bad: Readonly<Record<string, RegExp>> = {
    "not JSON": /it is not a JSON object/,
    "[]": /it is not a JSON object/,
    [good.replace('"version":1', '"version":2')]: /its version is 2, this program writes 1/,
    [good.replace('"version":1,', "")]: /its version is missing or malformed/,
    [good.replace('"running"', '"walking"')]: /a field is missing or malformed/,
    [good.replace(',"rows":7', ',"rows":-7')]: /a field is missing or malformed/,
    [good.replace(',"rows":7', ',"rows":"7"')]: /a field is missing or malformed/,
    [good.replace(',"rows":7', "")]: /a field is missing or malformed/,
    [good.replace('"reason":null', '"reason":3')]: /a field is missing or malformed/,
    [good.replace('"again":[["a","3"]]', '"again":["a"]')]: /a field is missing or malformed/,
    [good.replace('"again":[["a","3"]]', '"again":[["a"]]')]:
      /more or fewer values than there are key columns/,
    [good.replace('"last_key":["a","7"]', '"last_key":["a"]')]: /more or fewer values/,
  };
  for (const [value, message] of Object.entries(bad)) {
    assert.notEqual(value, good);
    assert.throws(() => decodeSnapshotState({ schema: "public", table: "users" }, bytes(value)), (error) => {
      assert(error instanceof CaptureError && error.kind === "position-conflict");
      assert.match(
        error.message,
        /^Cannot read the state of the snapshot of table "public"."users" in Kafka: /,
      );
      assert.match(error.message, message);
      assert.match(error.fix ?? "", /run the version of pg-capture that wrote it/);
      return true;
    });
  }
  for (
    const value of ['{"version":1,"taken":7}', '{"version":1,"taken":"-7"}', '{"version":2,"taken":"7"}', "7"]
  ) {
    assert.throws(() => decodeRequestsTaken(bytes(value)), /Cannot read the number of snapshot requests/);
  }
});

function text(encoded: Uint8Array): string {
  return new TextDecoder().decode(encoded);
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
