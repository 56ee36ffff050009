// What the decoder does when a record can't be sent or written as it is: composite types that were altered, pointers.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { builtinType } from "../../../src/core/builtin_types.ts";
import { ChangeDecoder } from "../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import type { PgType } from "../../../src/core/pg_type.ts";
import { CompositeMismatch } from "../../../src/decoder/composite_mismatch.ts";
import { begin, insert, logicalMessage, relation, update } from "../../../dev/fixtures/pgoutput_bytes.ts";

const INT4 = builtinType(23)!;
const PAIR_OID = 50_000;
const COLUMNS = [{ name: "id", type: 23, key: true }, { name: "p", type: PAIR_OID }];

function pair(onlyGrew: boolean, ...names: readonly string[]): PgType {
  return {
    kind: "composite",
    name: "pair",
    onlyGrew,
    fields: names.map((name) => ({ name, type: builtinType(25)! })),
  };
}

function decoderWith(type: PgType): ChangeDecoder {
  const decoder = new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: false });
  decoder.setNow(1);
  decoder.decode(begin(10n, 0, 1));
  decoder.decode(relation(1, "public", "pairs", "d", COLUMNS));
  decoder.defineRelation(undefined, [INT4, type]);
  return decoder;
}

function next(decoder: ChangeDecoder): { key: unknown; value: ReturnType<typeof JSON.parse> } {
  strictEqual(decoder.nextRecord(), true);
  const { bytes, keyEnd, valueEnd } = decoder.record;
  const text = new TextDecoder();
  return {
    key: JSON.parse(text.decode(bytes.subarray(0, keyEnd))),
    value: JSON.parse(text.decode(bytes.subarray(keyEnd, valueEnd))),
  };
}

Deno.test("a row that has more fields than its type is encoded again with the type as it is now, under its number", () => {
  const decoder = decoderWith(pair(true, "l"));
  decoder.decode(insert(1, ["1", "(a)"]));
  strictEqual(next(decoder).value.source.tx_seq, 1);
  decoder.decode(insert(1, ["2", "(a,b)"]));
  throws(() => decoder.nextRecord(), CompositeMismatch);
  decoder.retypeTable([INT4, pair(true, "l", "r")], 5n);
  const { value } = next(decoder);
  deepStrictEqual([value.after, value.source.tx_seq], [{ id: 2, p: { l: "a", r: "b" } }, 2]);
  strictEqual(decoder.nextRecord(), false);
});

Deno.test("a row with fewer fields has the first ones, up to where the type was looked up", () => {
  const decoder = decoderWith(pair(true, "l", "r"));
  decoder.decode(insert(1, ["1", "(a)"]));
  throws(() => decoder.nextRecord(), CompositeMismatch);
  decoder.retypeTable([INT4, pair(true, "l", "r")], 20n);
  deepStrictEqual(next(decoder).value.after, { id: 1, p: { l: "a" } });
  decoder.decode(begin(20n, 0, 2));
  decoder.decode(insert(1, ["2", "(b)"]));
  deepStrictEqual(next(decoder).value.after, { id: 2, p: { l: "b" } });
  // A later row may have lost its first field instead.
  decoder.decode(begin(30n, 0, 3));
  decoder.decode(insert(1, ["3", "(c)"]));
  throws(() => decoder.nextRecord(), CompositeMismatch);
});

Deno.test("where an attribute was dropped, fewer fields are not guessed", () => {
  const decoder = decoderWith(pair(false, "l", "r"));
  decoder.decode(insert(1, ["1", "(a)"]));
  throws(() => decoder.nextRecord(), CompositeMismatch);
  decoder.retypeTable([INT4, pair(false, "l", "r")], 20n);
  throws(() => decoder.nextRecord(), /type pair as JSON: it has fewer fields than the type's 2/);
});

Deno.test("the second record of a changed key is encoded again as the second", () => {
  const decoder = decoderWith(pair(true, "l"));
  decoder.decode(update(1, ["2", "(a,b)"], ["K", ["1", null]]));
  deepStrictEqual(next(decoder).key, { id: 1 });
  throws(() => decoder.nextRecord(), CompositeMismatch);
  decoder.retypeTable([INT4, pair(true, "l", "r")], 5n);
  const { key, value } = next(decoder);
  deepStrictEqual([key, value.op, value.source.tx_seq], [{ id: 2 }, "INSERT", 2]);
  strictEqual(decoder.nextRecord(), false);
});

Deno.test("a pointer has the record's key and place, its size and what is wrong instead of its rows", () => {
  const decoder = decoderWith(pair(true, "l"));
  decoder.decode(insert(1, ["1", "(a)"]));
  next(decoder);
  decoder.replaceWithPointer({ bytes: 4711, reason: "record-too-large" });
  const { bytes, keyEnd, valueEnd } = decoder.record;
  strictEqual(
    new TextDecoder().decode(bytes.subarray(0, valueEnd)),
    '{"id":1}{"schema":"public","table":"pairs","op":"INSERT","ts_ms":1,"key":{"id":1},"bytes":4711,' +
      '"reason":"record-too-large",' +
      '"source":{"version":"0","connector":"pg-capture","ts_ms":0,"db":"d","schema":"public","table":"pairs",' +
      '"lsn":"0/0","xid":1,"commit_lsn":"0/A","tx_seq":1}}',
  );
  strictEqual(keyEnd, 8);
  decoder.decode(logicalMessage(true, 9n, "p", "content"));
  next(decoder);
  decoder.replaceWithPointer({ bytes: 4711, reason: "record-too-large" });
  const { record } = decoder;
  const value = JSON.parse(new TextDecoder().decode(record.bytes.subarray(record.keyEnd, record.valueEnd)));
  deepStrictEqual([value.op, value.schema, value.key, value.bytes, value.source.tx_seq], [
    "MESSAGE",
    null,
    { prefix: "p" },
    4711,
    8,
  ]);
});
