// The progress record reads back as it was written, and nothing else passes for one.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Progress } from "../../../src/core/position.ts";
import {
  decodeProgressValue,
  encodeProgressKey,
  encodeProgressValue,
} from "../../../src/sink/progress_record.ts";

const IDENTITY = { systemIdentifier: "7301234567890123456", database: "shop", slot: "orders" };

Deno.test("key and value are the JSON that the documentation shows", () => {
  assert.equal(
    text(encodeProgressKey(IDENTITY)),
    '{"system_identifier":"7301234567890123456","database":"shop","slot":"orders"}',
  );
  const value = encodeProgressValue({
    identity: IDENTITY,
    timeline: 3,
    publication: "shop",
    position: {
      commitLsn: 0x1_0163_4fe8n,
      seq: 4312883000,
      commitTimeMs: 1634567890100,
      endLsn: 0x1_0163_5018n,
    },
  });
  assert.equal(
    text(value),
    '{"version":2,"timeline":3,"publication":"shop","commit_lsn":"1/1634FE8","seq":4312883000,' +
      '"commit_ts_ms":1634567890100,"end_lsn":"1/1635018"}',
  );
});

Deno.test("any progress reads back as it was written", () => {
  const lsn = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
  const anyPosition = fc.record({
    commitLsn: lsn,
    seq: fc.maxSafeNat(),
    commitTimeMs: fc.maxSafeNat(),
    endLsn: lsn,
  });
  fc.assert(fc.property(anyPosition, fc.nat(), (position, timeline) => {
    const progress: Progress = {
      identity: IDENTITY,
      timeline,
      publication: "shop",
      position: { ...position },
    };
    assert.deepEqual(decodeProgressValue(IDENTITY, encodeProgressValue(progress)), progress);
  }));
});

Deno.test("a value of a newer version, or one that is no progress, is a conflict with a fix", () => {
  const good =
    '{"version":2,"timeline":1,"publication":"p","commit_lsn":"0/1","seq":1,"commit_ts_ms":5,"end_lsn":"0/1"}';
  decodeProgressValue(IDENTITY, bytes(good));
  const bad = [
    "",
    "null",
    "[]",
    "17",
    good.slice(0, -1),
    good.replace('"version":2', '"version":3'),
    good.replace('"version":2,', ""),
    good.replace('"publication":"p",', ""),
    good.replace('"commit_ts_ms":5,', ""),
    good.replace('"0/1"', '"1"'),
    good.replace('"seq":1', '"seq":-1'),
    good.replace('"seq":1', '"seq":1.5'),
    good.replace('"timeline":1', '"timeline":"1"'),
    good.replace(',"end_lsn":"0/1"', ""),
  ];
  for (const value of bad) assertConflict(bytes(value));
  assertConflict(new Uint8Array([0xff, 0xfe, 0x7b]));
});

Deno.test("what version 0.1.0 wrote behind a whole transaction stands for all of that transaction", () => {
  const value = '{"version":1,"timeline":2,"commit_lsn":"0/A","seq":3,"end_lsn":"0/14"}';
  assert.deepEqual(decodeProgressValue(IDENTITY, bytes(value)), {
    identity: IDENTITY,
    timeline: 2,
    publication: "",
    position: { commitLsn: 10n, seq: Number.MAX_SAFE_INTEGER, commitTimeMs: 0, endLsn: 20n },
  });
  const none = '{"version":1,"timeline":2,"commit_lsn":"0/0","seq":0,"end_lsn":"0/14"}';
  assert.equal(decodeProgressValue(IDENTITY, bytes(none)).position.seq, 0);
});

Deno.test("what version 0.1.0 wrote in the middle of a transaction is refused: it counted by the catalog of its time", () => {
  for (const end of ["0/9", "0/A"]) {
    const value = bytes(`{"version":1,"timeline":2,"commit_lsn":"0/A","seq":3,"end_lsn":"${end}"}`);
    assertConflict(value);
    assert.throws(
      () => decodeProgressValue(IDENTITY, value),
      /0\.1\.0 wrote it in the middle of a transaction/,
    );
  }
});

Deno.test("random bytes are a conflict", () => {
  fc.assert(fc.property(fc.uint8Array(), (value) => assertConflict(value)));
});

function assertConflict(value: Uint8Array): void {
  assert.throws(() => decodeProgressValue(IDENTITY, value), (error) => {
    assert(error instanceof CaptureError && error.kind === "position-conflict");
    assert(error.fix !== undefined && error.message.includes('slot "orders"'));
    return true;
  });
}

function text(encoded: Uint8Array): string {
  return new TextDecoder().decode(encoded);
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
