// Rows that PostgreSQL sends: whatever the split of the bytes, the same rows, errors and ends come of them.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { join } from "../../dev/fixtures/pgoutput_bytes.ts";
import { TupleColumns, UNCHANGED_COLUMN } from "../../src/decoder/pgoutput/tuple.ts";
import { readRow } from "../../src/pipeline/snapshot/row_key.ts";
import { utf8 } from "../../src/core/utf8.ts";
import { BlockPool } from "../../src/source/snapshot/block_pool.ts";
import { LargeRow } from "../../src/source/snapshot/large_row.ts";
import { RowConnection, type TextRow, textRow } from "../../src/source/snapshot/row_connection.ts";
import { dataRow, type RowText } from "../support/row_blocks.ts";

const SIGNAL = new AbortController().signal;
/** In a test; rows that are longer come without their long values. */
const ROW_BYTES_MAX = 400_000;
const LONG = 300_000;

/** What one statement of a query sends. */
interface Statement {
  readonly rows: readonly RowText[];
  readonly notices: boolean;
}

const cell: fc.Arbitrary<string | null> = fc.option(fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom("x".repeat(LONG), "y".repeat(70_000)) },
));
const row: fc.Arbitrary<RowText> = fc.array(cell, { maxLength: 4 });
const statement: fc.Arbitrary<Statement> = fc.record({
  rows: fc.array(row, { maxLength: 12 }),
  notices: fc.boolean(),
});
const query = fc.record({
  statements: fc.array(statement, { minLength: 1, maxLength: 4 }),
  fails: fc.boolean(),
});
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 900_000 })), {
  minLength: 1,
  maxLength: 50,
});

Deno.test("whatever the split of the bytes and the size of the blocks, rows, errors and ends are the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      query,
      sizes,
      fc.constantFrom(1, 60, 5_000, 1_000_000, Infinity),
      async ({ statements, fails }, pieces, bytesMax) => {
        const connection = new RowConnection(
          new Bytes(answerOf(statements, fails), pieces),
          new BlockPool(),
          ROW_BYTES_MAX,
        );
        await connection.send("SELECT");
        for (const { rows } of statements) {
          const found: TextRow[] = [];
          for (let isEnd = false; !isEnd;) {
            const block = (await connection.block(bytesMax, SIGNAL))!;
            for (let index = 0; index < block.rows.count; index++) found.push(textRow(block.rows, index));
            for (const index of block.rows.omitted.keys()) ok(index < block.rows.count);
            block.rows.release();
            isEnd = block.isEnd;
          }
          deepStrictEqual(found, rows.map(kept));
        }
        const { error } = await connection.end(SIGNAL);
        strictEqual(error?.code, fails ? "42P01" : undefined);
        strictEqual(connection.isBusy, false);
        strictEqual(await connection.block(bytesMax, SIGNAL), undefined);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("a block that was handed over keeps its rows while the next ones come", async () => {
  const rows = Array.from({ length: 3_000 }, (_, index) => [String(index), "z".repeat(1_000)]);
  const answer = answerOf([{ rows, notices: false }], false);
  const connection = new RowConnection(new Bytes(answer, [65_536]), new BlockPool(), ROW_BYTES_MAX);
  await connection.send("SELECT");
  const blocks = [];
  for (let isEnd = false; !isEnd;) {
    const block = (await connection.block(100_000, SIGNAL))!;
    blocks.push(block.rows);
    ({ isEnd } = block);
  }
  ok(blocks.length > 20);
  const found = blocks.flatMap((each) =>
    Array.from({ length: each.count }, (_, index) => textRow(each, index))
  );
  deepStrictEqual(found, rows);
});

Deno.test("a large row keeps its short values and its columns, and tells how many bytes were left out", () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 250_000, max: 300_000 }));
  fc.assert(
    fc.property(fc.array(fc.option(length), { maxLength: 8 }), sizes, (lengths, pieces) => {
      const values = lengths.map((each, index) => each === null ? null : String(index).repeat(each));
      const message = messageOf(0x44, dataRow(values));
      const large = new LargeRow(message.length);
      let at = 0;
      for (let piece = 0; at < message.length; piece++) {
        at = large.push(message, at, Math.min(message.length, at + pieces[piece % pieces.length]!));
      }
      ok(large.done);
      const isLong = (each: string | null) => each !== null && each.length > 256 * 1024;
      strictEqual(
        large.omittedBytes,
        values.filter(isLong).reduce((sum, each) => sum + each!.length, 0),
      );
      const body = large.message.slice(5);
      const block = { bytes: body, starts: new Uint32Array([0]) } as Parameters<typeof textRow>[0];
      deepStrictEqual(textRow(block, 0), values.map((each) => isLong(each) ? null : each));
      const columns = new TupleColumns();
      readRow(block, 0, columns);
      deepStrictEqual(
        values.map((_, column) => columns.starts[column] === UNCHANGED_COLUMN),
        values.map(isLong),
      );
    }),
    { numRuns: 60 },
  );
});

/** Of a row that is too large: its long values are left out. */
function kept(values: RowText): RowText {
  const isLarge = dataRow(values).length > ROW_BYTES_MAX;
  return values.map((each) => isLarge && each !== null && each.length >= LONG ? null : each);
}

function answerOf(statements: readonly Statement[], fails: boolean): Uint8Array {
  const messages = statements.flatMap(({ rows, notices }) => [
    messageOf(0x54, new Uint8Array([0, 0])),
    ...rows.flatMap((each) => [
      ...(notices ? [messageOf(0x4e, utf8("SNOTICE\0M\u00e4h\0\0"))] : []),
      messageOf(0x44, dataRow(each)),
    ]),
    messageOf(0x43, utf8("SELECT\0")),
  ]);
  const error = messageOf(0x45, utf8("SERROR\0VERROR\0C42P01\0Mno such table\0\0"));
  return join([...messages, ...(fails ? [error] : []), messageOf(0x5a, utf8("I"))]);
}

function messageOf(type: number, body: Uint8Array): Uint8Array {
  const header = new Uint8Array(5);
  header[0] = type;
  new DataView(header.buffer).setUint32(1, body.length + 4);
  return join([header, body]);
}

/** A connection that gives bytes in pieces of these sizes, over and over. */
class Bytes {
  readonly #bytes: Uint8Array;
  readonly #pieces: readonly number[];
  #at = 0;
  #piece = 0;

  constructor(bytes: Uint8Array, pieces: readonly number[]) {
    this.#bytes = bytes;
    this.#pieces = pieces;
  }

  read(target: Uint8Array): Promise<number | null> {
    if (target.length === 0) throw new Error("there is no room");
    const size = Math.min(this.#pieces[this.#piece++ % this.#pieces.length]!, target.length);
    const read = this.#bytes.subarray(this.#at, this.#at + size);
    target.set(read);
    this.#at += read.length;
    return Promise.resolve(read.length === 0 ? null : read.length);
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
