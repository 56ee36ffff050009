// Keys as bytes and as text.

import { deepStrictEqual, strictEqual } from "node:assert";
import { UNCHANGED_COLUMN } from "../../../../src/decoder/pgoutput/tuple.ts";
import { TupleColumns } from "../../../../src/decoder/pgoutput/tuple.ts";
import { keyOfChange, keyTexts, readRow } from "../../../../src/pipeline/snapshot/row_key.ts";
import { keyBytes } from "../../../support/key_bytes.ts";
import { rowBlock } from "../../../support/row_blocks.ts";

Deno.test("the texts of a key are those that it was made of, however long", () => {
  for (const values of [["1"], ["", "é"], ["\ufeffa", "x".repeat(5_000), ""]]) {
    const { bytes, length } = keyBytes(values);
    deepStrictEqual(keyTexts(bytes, length), values);
  }
});

Deno.test("a row with NULL in its key, or without it, has no key", () => {
  const block = rowBlock([[null, "a"]]);
  const columns = new TupleColumns();
  readRow(block, 0, columns);
  strictEqual(keyOfChange(block.bytes, columns, null, [0], keyBytes([])), false);
  strictEqual(keyOfChange(block.bytes, columns, null, [1], keyBytes([])), true);
});

Deno.test("a value of the key that was left out is taken from the old row", () => {
  const block = rowBlock([["new", "b"], ["old", "a"]]);
  const [row, old] = [new TupleColumns(), new TupleColumns()];
  readRow(block, 0, row);
  readRow(block, 1, old);
  row.starts[0] = UNCHANGED_COLUMN;
  const key = keyBytes([]);
  strictEqual(keyOfChange(block.bytes, row, null, [0, 1], key), false);
  strictEqual(keyOfChange(block.bytes, row, old, [0, 1], key), true);
  deepStrictEqual(keyTexts(key.bytes, key.length), ["old", "b"]);
});
