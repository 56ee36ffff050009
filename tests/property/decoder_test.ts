// The decoder is total: any bytes give a message or a decoding error, and any cutting into chunks the same changes.

import { deepStrictEqual, strictEqual } from "node:assert";
import fc from "fast-check";
import { builtinType } from "../../src/core/builtin_types.ts";
import { ChangeDecoder } from "../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../src/decoder/pgoutput/message_bytes.ts";
import { CaptureError } from "../../src/core/errors.ts";
import { PostgresStream } from "../../src/source/replication_stream.ts";
import {
  begin,
  type Cell,
  commit,
  insert,
  join,
  message,
  relation,
  remove,
  truncate,
  UNCHANGED,
  update,
} from "../../dev/fixtures/pgoutput_bytes.ts";

const COLUMNS = [{ name: "id", type: 23, key: true }, { name: "a", type: 25 }, { name: "b", type: 1007 }];

const cell: fc.Arbitrary<Cell> = fc.oneof(fc.string(), fc.constant(null), fc.constant(UNCHANGED as Cell));
const row = fc.array(cell, { minLength: 2, maxLength: 4 });
const anyMessage: fc.Arbitrary<MessageBytes> = fc.oneof(
  row.map((cells) => insert(1, cells)),
  fc.tuple(row, row, fc.constantFrom("K" as const, "O" as const)).map(([after, old, kind]) =>
    update(1, after, [kind, old])
  ),
  fc.tuple(row, fc.constantFrom("K" as const, "O" as const)).map(([old, kind]) => remove(1, kind, old)),
  fc.constant(truncate(1, 1)),
  fc.constant(begin(10n, 0, 1)),
  fc.constant(commit(10n, 20n)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => message(bytes)),
);

function describe(decoder: ChangeDecoder): void {
  decoder.defineRelation(
    undefined,
    decoder.pendingRelation!.columns.map(({ typeOid }) => builtinType(typeOid) ?? { kind: "other" }),
  );
}

function takeAll(decoder: ChangeDecoder, bytes: MessageBytes): string[] {
  const values: string[] = [];
  const decoded = decoder.decode(bytes);
  if (decoded === "relation") describe(decoder);
  while (decoded === "change" && decoder.nextRecord()) {
    const { record } = decoder;
    values.push(new TextDecoder().decode(record.bytes.subarray(Math.max(0, record.keyEnd), record.valueEnd)));
  }
  return values;
}

Deno.test("any bytes give valid JSON or an error of the stream, and nothing else", () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 8 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 255 }),
      (messages, at, byte) => {
        const decoder = new ChangeDecoder({ format: new NativeFormat("0", "d"), tombstones: true });
        decoder.setNow(1);
        takeAll(decoder, begin(1n, 0, 1));
        takeAll(decoder, relation(1, "s", "t", "d", COLUMNS));
        for (const each of messages) {
          if (at < each.bytes.length) each.bytes[at] = byte;
          try {
            for (const value of takeAll(decoder, each)) JSON.parse(value);
          } catch (error) {
            const isExpected = error instanceof CaptureError &&
              (error.kind === "decoding" || error.kind === "postgres-corrupt");
            strictEqual(isExpected, true, String(error));
          }
        }
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("any cutting of the stream into reads gives the same messages", async () => {
  const stream = [
    begin(1n, 0, 1),
    relation(1, "s", "t", "d", COLUMNS),
    insert(1, ["1", "x".repeat(700), "{1,2}"]),
    commit(1n, 2n),
  ];
  const wire = join([
    frame(0x57, new Uint8Array(3)),
    ...stream.map(({ bytes }) => frame(0x64, xlogData(bytes))),
  ]);
  const expected = await messagesOf(wire, [wire.length]);
  strictEqual(expected.length, stream.length);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 }),
      async (cuts) => {
        deepStrictEqual(await messagesOf(wire, cuts), expected);
      },
    ),
    { numRuns: 20 },
  );
});

/** Reads the wire in pieces of the given sizes, the last one again and again; the messages' bytes in hex. */
async function messagesOf(wire: Uint8Array, cuts: readonly number[]): Promise<string[]> {
  let at = 0;
  let cut = 0;
  const connection = {
    read(target: Uint8Array): Promise<number | null> {
      if (at === wire.length) return Promise.resolve(null);
      const size = Math.min(cuts[Math.min(cut++, cuts.length - 1)]!, target.length, wire.length - at);
      target.set(wire.subarray(at, at + size));
      at += size;
      return Promise.resolve(size);
    },
    write: () => Promise.resolve(),
    close() {},
  };
  const signal = new AbortController().signal;
  const stream = await PostgresStream.start(
    connection,
    "START",
    { what: "replication", now: () => 0 },
    signal,
  );
  const messages: string[] = [];
  for (;;) {
    for (let kind = stream.next(); kind !== "none"; kind = stream.next()) {
      messages.push(stream.bytes.slice(stream.start, stream.end).toHex());
    }
    try {
      await stream.fill(signal);
    } catch {
      return messages;
    }
  }
}

function frame(tag: number, body: Uint8Array): Uint8Array {
  const length = body.length + 4;
  return join([new Uint8Array([tag, length >>> 24, length >>> 16, length >>> 8, length]), body]);
}

function xlogData(payload: Uint8Array): Uint8Array {
  return join([new Uint8Array([0x77]), new Uint8Array(24), payload]);
}
