// What a format is told of a change: enough for formats that write other records than the native one.

import { deepStrictEqual } from "node:assert";
import { builtinType } from "../../../src/core/builtin_types.ts";
import { NO_HEADERS } from "../../../src/core/encoded_record.ts";
import type { ChangeKey, Transaction } from "../../../src/decoder/change.ts";
import { ChangeDecoder } from "../../../src/decoder/change_decoder.ts";
import type { RecordFormat } from "../../../src/decoder/formats/format.ts";
import { begin, insert, relation, remove, truncate, update } from "../../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }, { name: "text", type: 25 }];

/** Writes nothing, and wants a tombstone after every record. */
class RecordingFormat implements RecordFormat {
  readonly seen: unknown[] = [];
  readonly transactions: Transaction[] = [];
  readonly record = { bytes: new Uint8Array(), keyEnd: -1, valueEnd: 0, headers: NO_HEADERS };
  setNow(): void {}
  encodeMessage(): void {}
  encodePointer(): void {}
  beginTransaction({ commitLsn, commitTimeUs, xid }: Transaction): void {
    this.transactions.push({ commitLsn, commitTimeUs, xid });
  }
  table(): ReturnType<RecordFormat["table"]> {
    return {
      encode: ({ operation, bytes, key, otherKey, isKeyChange }) => {
        this.seen.push([operation, textOf(bytes, key), textOf(bytes, otherKey), isKeyChange]);
        return true;
      },
    };
  }
}

function textOf(bytes: Uint8Array, { columns, row }: ChangeKey): string | null {
  if (columns === null) return null;
  return columns.map((column) =>
    new TextDecoder().decode(bytes.subarray(row.starts[column], row.ends[column]))
  ).join();
}

function decodeAll(format: RecordFormat, tombstones: boolean): readonly boolean[] {
  const decoder = new ChangeDecoder({ format, tombstones });
  decoder.decode(begin(100n, 1_790_000_000_123, 5));
  decoder.decode(relation(1, "public", "t", "d", COLUMNS));
  decoder.defineRelation(undefined, COLUMNS.map(({ type }) => builtinType(type)!));
  const messages = [
    insert(1, ["1", "a"]),
    update(1, ["2", "b"], ["K", ["1", null]]),
    update(1, ["2", "c"]),
    remove(1, "K", ["2", null]),
    truncate(1),
  ];
  const followed: boolean[] = [];
  for (const message of messages) {
    decoder.decode(message);
    while (decoder.nextRecord()) followed.push(decoder.tombstone);
  }
  return followed;
}

Deno.test("both records of a key change have both keys, and no other record has another key", () => {
  const format = new RecordingFormat();
  decodeAll(format, false);
  deepStrictEqual(format.seen, [
    ["INSERT", "1", null, false],
    ["DELETE", "1", "2", true],
    ["INSERT", "2", "1", true],
    ["UPDATE", "2", null, false],
    ["DELETE", "2", null, false],
    ["TRUNCATE", null, null, false],
  ]);
});

Deno.test("tombstones follow where the format wants them, if they are configured", () => {
  deepStrictEqual(decodeAll(new RecordingFormat(), true), [true, true, true, true, true, true]);
  deepStrictEqual(decodeAll(new RecordingFormat(), false), [false, false, false, false, false, false]);
});

Deno.test("a transaction's commit time has microseconds", () => {
  const format = new RecordingFormat();
  decodeAll(format, false);
  deepStrictEqual(format.transactions, [{ commitLsn: 100n, commitTimeUs: 1_790_000_000_123_000, xid: 5 }]);
});
