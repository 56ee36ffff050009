// The decoder, message by message: what each change becomes in Kafka.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { builtinType } from "../../../src/core/builtin_types.ts";
import { ChangeDecoder, type DecoderOptions } from "../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../../src/decoder/pgoutput/message_bytes.ts";
import { CaptureError } from "../../../src/core/errors.ts";
import {
  at,
  begin,
  type ColumnSpec,
  commit,
  insert,
  logicalMessage,
  message,
  relation,
  remove,
  truncate,
  UNCHANGED,
  update,
} from "../../../dev/fixtures/pgoutput_bytes.ts";

const INT4 = 23;
const TEXT = 25;
const TIMESTAMP = 1114;
const USERS: readonly ColumnSpec[] = [
  { name: "id", type: INT4, key: true },
  { name: "name", type: TEXT },
  { name: "bio", type: TEXT },
];

interface Decoded {
  readonly key: unknown;
  // deno-lint-ignore no-explicit-any
  readonly value: any;
  readonly tombstone: boolean;
}

function decoderOf(options: Partial<DecoderOptions> = {}): ChangeDecoder {
  const format = new NativeFormat("0.1.0", "shop");
  const decoder = new ChangeDecoder({ format, tombstones: false, ...options });
  decoder.setNow(1_700_000_000_000);
  return decoder;
}

function feed(
  decoder: ChangeDecoder,
  primaryKey: readonly string[] | null | undefined,
  ...messages: MessageBytes[]
): Decoded[] {
  const records: Decoded[] = [];
  for (const each of messages) {
    const decoded = decoder.decode(each);
    if (decoded === "relation") {
      decoder.defineRelation(
        primaryKey,
        decoder.pendingRelation!.columns.map((column) => builtinType(column.typeOid)!),
      );
    }
    while (decoded === "change" && decoder.nextRecord()) records.push(currentRecord(decoder));
  }
  return records;
}

function currentRecord(decoder: ChangeDecoder): Decoded {
  const { bytes, keyEnd, valueEnd } = decoder.record;
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const from = Math.max(0, keyEnd);
  return {
    key: keyEnd < 0 ? null : JSON.parse(text.decode(bytes.subarray(0, keyEnd))),
    value: JSON.parse(text.decode(bytes.subarray(from, valueEnd))),
    tombstone: decoder.tombstone,
  };
}

Deno.test("an insert has the envelope of the specification, field by field and in its order", () => {
  const decoder = decoderOf();
  feed(
    decoder,
    undefined,
    begin(0x1634fe8n, 1_634_567_890_100, 567),
    relation(1, "public", "users", "d", [
      { name: "id", type: INT4, key: true },
      { name: "name", type: TEXT },
      { name: "created_at", type: TIMESTAMP },
    ]),
  );
  decoder.decode(insert(1, ["123", "John Doe", "2023-10-15 10:30:00"]));
  strictEqual(decoder.nextRecord(), true);
  const { bytes, keyEnd, valueEnd } = decoder.record;
  const text = new TextDecoder();
  strictEqual(text.decode(bytes.subarray(0, keyEnd)), '{"id":123}');
  strictEqual(
    text.decode(bytes.subarray(keyEnd, valueEnd)),
    '{"schema":"public","table":"users","op":"INSERT","ts_ms":1700000000000,"before":null,' +
      '"after":{"id":123,"name":"John Doe","created_at":"2023-10-15T10:30:00"},' +
      '"source":{"version":"0.1.0","connector":"pg-capture","ts_ms":1634567890100,"db":"shop",' +
      '"schema":"public","table":"users","lsn":"0/0","xid":567,"commit_lsn":"0/1634FE8","tx_seq":1}}',
  );
  strictEqual(decoder.nextRecord(), false);
});

Deno.test("changes are numbered from 1 in each transaction", () => {
  const records = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    insert(1, ["1", "a", null]),
    insert(1, ["2", "b", null]),
    commit(10n, 20n),
    begin(30n, 0, 2),
    insert(1, ["3", "c", null]),
  );
  deepStrictEqual(records.map(({ value }) => [value.source.commit_lsn, value.source.tx_seq]), [
    ["0/A", 1],
    ["0/A", 2],
    ["0/1E", 1],
  ]);
});

Deno.test("an update without its old row has a null before", () => {
  const [record] = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    update(1, ["1", "b", null]),
  );
  strictEqual(record!.value.before, null);
  deepStrictEqual(record!.value.after, { id: 1, name: "b", bio: null });
});

Deno.test("an unchanged TOASTed value is left out and named", () => {
  const [record] = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    update(1, ["1", "b", UNCHANGED]),
  );
  deepStrictEqual(record!.value.after, { id: 1, name: "b" });
  deepStrictEqual(record!.value.source.unchanged, ["bio"]);
});

Deno.test("an unchanged TOASTed value is filled from the full old row", () => {
  const [record] = feed(
    decoderOf(),
    ["id"],
    begin(10n, 0, 1),
    relation(1, "public", "users", "f", USERS.map((column) => ({ ...column, key: true }))),
    update(1, ["1", "b", UNCHANGED], ["O", ["1", "a", "long"]]),
  );
  deepStrictEqual(record!.key, { id: 1 });
  deepStrictEqual(record!.value.before, { id: 1, name: "a", bio: "long" });
  deepStrictEqual(record!.value.after, { id: 1, name: "b", bio: "long" });
  strictEqual("unchanged" in record!.value.source, false);
});

Deno.test("a changed key is a delete under the old key and an insert under the new one, each with a number of its own", () => {
  const records = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    update(1, ["2", "a", UNCHANGED], ["K", ["1", null, null]]),
  );
  deepStrictEqual(
    records.map(({ key, value }) => [key, value.op, value.source.tx_seq, value.source.key_change]),
    [
      [{ id: 1 }, "DELETE", 1, true],
      [{ id: 2 }, "INSERT", 2, true],
    ],
  );
  deepStrictEqual(records[0]!.value.before, { id: 1 });
  strictEqual(records[0]!.value.after, null);
  strictEqual(records[1]!.value.before, null);
  deepStrictEqual(records[1]!.value.after, { id: 2, name: "a" });
  deepStrictEqual(records[1]!.value.source.unchanged, ["bio"]);
});

Deno.test("an old key that is the same as the new one is no change of key", () => {
  const records = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    update(1, ["1", "b", null], ["K", ["1", null, null]]),
  );
  deepStrictEqual(records.map(({ value }) => [value.op, value.before]), [["UPDATE", { id: 1 }]]);
});

Deno.test("a delete has the key's columns before, or the whole row under identity full", () => {
  const [byKey] = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    remove(1, "K", ["7", null, null]),
  );
  deepStrictEqual([byKey!.key, byKey!.value.before, byKey!.value.after], [{ id: 7 }, { id: 7 }, null]);
  const [full] = feed(
    decoderOf(),
    null,
    begin(10n, 0, 1),
    relation(1, "public", "users", "f", USERS),
    remove(1, "O", ["7", "a", null]),
  );
  deepStrictEqual([full!.key, full!.value.before], [null, { id: 7, name: "a", bio: null }]);
});

Deno.test("where the identity is another index, the primary key is the key of the rows that hold it", () => {
  const columns = [{ name: "id", type: INT4 }, { name: "name", type: TEXT, key: true }, {
    name: "bio",
    type: TEXT,
  }];
  const records = feed(
    decoderOf(),
    ["id"],
    begin(10n, 0, 1),
    relation(1, "public", "users", "i", columns),
    insert(1, ["1", "a", null]),
    update(1, ["1", "a", "x"]),
    remove(1, "K", [null, "a", null]),
  );
  deepStrictEqual(records.map(({ key }) => key), [{ id: 1 }, { id: 1 }, { name: "a" }]);
});

Deno.test("a table without a key has null keys", () => {
  const [record] = feed(
    decoderOf(),
    null,
    begin(10n, 0, 1),
    relation(1, "public", "log", "n", [{ name: "line", type: TEXT }]),
    insert(1, ["x"]),
  );
  strictEqual(record!.key, null);
  deepStrictEqual(record!.value.after, { line: "x" });
});

Deno.test("a truncate of several tables is a record for each, with a null key", () => {
  const records = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    relation(2, "public", "orders", "d", USERS),
    truncate(1, 2),
  );
  deepStrictEqual(
    records.map((
      { key, value },
    ) => [key, value.table, value.op, value.before, value.after, value.source.tx_seq]),
    [
      [null, "users", "TRUNCATE", null, null, 1],
      [null, "orders", "TRUNCATE", null, null, 2],
    ],
  );
});

Deno.test("a delete asks for a tombstone where tombstones are on, and shares its number with it", () => {
  const records = feed(
    decoderOf({ tombstones: true }),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    remove(1, "K", ["7", null, null]),
    insert(1, ["8", "a", null]),
  );
  deepStrictEqual(records.map(({ tombstone, value }) => [tombstone, value.source.tx_seq]), [[true, 1], [
    false,
    2,
  ]]);
});

Deno.test("logical messages are records too, of their own place in the order when they are not transactional", () => {
  const decoder = decoderOf();
  const records = feed(
    decoder,
    undefined,
    logicalMessage(false, 5n, "audit", "hello"),
    begin(10n, 0, 9),
    logicalMessage(true, 8n, "audit", "x\0y"),
  );
  deepStrictEqual(records.map(({ key, value }) => [key, value.op, value.message, value.source.commit_lsn]), [
    [{ prefix: "audit" }, "MESSAGE", { prefix: "audit", transactional: false, content: "aGVsbG8=" }, "0/5"],
    [{ prefix: "audit" }, "MESSAGE", { prefix: "audit", transactional: true, content: "eAB5" }, "0/A"],
  ]);
});

Deno.test("logical messages of other prefixes are checked and give no record, and change no number of a row", () => {
  const decoder = decoderOf({ isMessageCaptured: (prefix) => prefix === "audit" });
  const records = feed(
    decoder,
    undefined,
    logicalMessage(false, 5n, "flood", "hello"),
    begin(100n, 0, 9),
    relation(1, "public", "t", "d", [{ name: "id", type: INT4, key: true }]),
    logicalMessage(true, 20n, "flood", "x"),
    logicalMessage(true, 30n, "audit", "x"),
    at(40n, insert(1, ["1"])),
  );
  deepStrictEqual(records.map(({ value }) => [value.op, value.source.tx_seq]), [["MESSAGE", 29], [
    "INSERT",
    40,
  ]]);
  throws(() => decoder.decode(logicalMessage(true, 200n, "flood", "beyond the commit")), /beyond its commit/);
});

Deno.test("names that JSON has to escape are escaped, in keys and envelopes", () => {
  const odd = 'we"ird\\\n';
  const [record] = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, odd, "__proto__", "d", [{ name: odd, type: INT4, key: true }, { name: "10", type: TEXT }]),
    insert(1, ["1", "x"]),
  );
  deepStrictEqual(record!.key, { [odd]: 1 });
  deepStrictEqual(record!.value.after, { [odd]: 1, "10": "x" });
  deepStrictEqual([record!.value.schema, record!.value.table], [odd, "__proto__"]);
});

Deno.test("each row is decoded by the relation that came before it, also within one transaction", () => {
  const records = feed(
    decoderOf(),
    undefined,
    begin(10n, 0, 1),
    relation(1, "public", "users", "d", USERS),
    insert(1, ["1", "a", null]),
    relation(1, "public", "users", "d", [...USERS, { name: "age", type: INT4 }]),
    insert(1, ["2", "b", null, "40"]),
  );
  deepStrictEqual(records.map(({ value }) => value.after), [
    { id: 1, name: "a", bio: null },
    { id: 2, name: "b", bio: null, age: 40 },
  ]);
});

Deno.test("what the protocol does not allow is a decoding error that names the message", () => {
  const cases: readonly [string, MessageBytes, RegExp][] = [
    ["an unknown relation", insert(9, ["1"]), /type 'I', at byte 1: relation 9 was not described/],
    ["a wrong number of columns", insert(1, ["1"]), /1 columns, where the relation has 3/],
    ["an unknown type", message(new Uint8Array([0x7a])), /type 'z', at byte 0/],
    ["nothing", message(), /type 0x0/],
  ];
  for (const [what, bytes, expected] of cases) {
    const decoder = decoderOf();
    feed(decoder, undefined, begin(10n, 0, 1), relation(1, "public", "users", "d", USERS));
    throws(
      () => feed(decoder, undefined, bytes),
      (error) => error instanceof CaptureError && error.kind === "decoding" && expected.test(error.message),
      what,
    );
  }
});
