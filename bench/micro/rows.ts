// Rows as PostgreSQL sends them, for the microbenchmarks.

import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../src/decoder/pgoutput/message_bytes.ts";
import { begin, insert, relation, update } from "../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [
  { name: "id", type: 20, key: true },
  { name: "name", type: 25 },
  { name: "email", type: 25 },
  { name: "amount", type: 1700 },
  { name: "active", type: 16 },
  { name: "created_at", type: 1114 },
];
const SMALL_ROW = [
  "500000",
  "user number 500000",
  "user500000@example.com",
  "12.34",
  "t",
  "2024-01-06 18:53:20",
];
const LARGE_TEXT = "0123456789abcdef".repeat(256);
const DOCUMENT = JSON.stringify({
  items: Array.from({ length: 60 }, (_, id) => ({ id, name: `item "${id}"` })),
});

/** One message each; the relations' ids are 1 and 2. */
export const MESSAGES: Readonly<Record<string, MessageBytes>> = {
  "insert of 140 bytes": insert(1, SMALL_ROW),
  "update of 140 bytes, old row too": update(2, SMALL_ROW, ["O", SMALL_ROW]),
  "insert of 4 kB of text": insert(3, ["500000", LARGE_TEXT]),
  "insert of 2 kB of JSON as text": insert(3, ["500000", DOCUMENT]),
};

/** A decoder in the middle of a transaction that has described the tables. */
export function decoderInTransaction(): ChangeDecoder {
  const decoder = new ChangeDecoder({ format: new NativeFormat("0.1.0", "bench"), tombstones: false });
  decoder.setNow(1_790_000_000_000);
  decoder.decode(begin(0x1634fe8n, 1_790_000_000_000, 1234));
  const text = [{ name: "id", type: 20, key: true }, { name: "body", type: 25 }];
  const relations = [
    relation(1, "public", "t", "d", COLUMNS),
    relation(2, "public", "f", "f", COLUMNS.map((column) => ({ ...column, key: true }))),
    relation(3, "public", "x", "d", text),
  ];
  for (const each of relations) {
    decoder.decode(each);
    const names = decoder.pendingRelation?.columns.map(({ typeOid }) => TYPE_NAMES[typeOid] ?? "text") ?? [];
    decoder.defineRelation(["id"], names.map((name) => ({ kind: "base", name })));
  }
  return decoder;
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  16: "bool",
  20: "int8",
  25: "text",
  1114: "timestamp",
  1700: "numeric",
};
