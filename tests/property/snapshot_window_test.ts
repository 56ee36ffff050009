// The window of a chunk and its index of keys, against a model that compares texts.

import { deepStrictEqual, strictEqual } from "node:assert";
import fc from "fast-check";
import { ChunkWindow } from "../../src/pipeline/snapshot/chunk_window.ts";
import { KeyIndex } from "../../src/pipeline/snapshot/key_index.ts";
import { keyBytes } from "../support/key_bytes.ts";
import { chunk, moment, rowBlock } from "../support/row_blocks.ts";

/** Values that are easily taken for each other where one ends and the next begins. */
const value = fc.constantFrom("", "a", "b", "aa", "ab", "ba", "é", "\u0000", "1", "11");
const key = fc.tuple(value, value);
const keys = fc.uniqueArray(key, { selector: (each) => JSON.stringify(each), maxLength: 60 });
/** The key's columns are the third and the first. */
const ORDER = [2, 0];
const rowsOf = (all: readonly (readonly [string, string])[]) => all.map(([a, b]) => [b, null, a, "more"]);

Deno.test("the index finds each key at its row, and no other key", () => {
  fc.assert(fc.property(keys, keys, (all, others) => {
    const index = new KeyIndex(rowBlock(rowsOf(all)), ORDER);
    const texts = all.map((each) => JSON.stringify(each));
    for (const each of [...all, ...others]) {
      const { bytes, length } = keyBytes(each);
      strictEqual(index.find(bytes, length), texts.indexOf(JSON.stringify(each)));
    }
  }));
});

type Step =
  | { readonly kind: "change"; readonly xid: number; readonly key: number; readonly leavesOut: boolean }
  | { readonly kind: "truncate"; readonly xid: number }
  | { readonly kind: "send"; readonly rows: number };

const xid = fc.integer({ min: 97, max: 108 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      xid,
      key: fc.nat(40),
      leavesOut: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("truncate" as const), xid }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("send" as const), rows: fc.nat(5) }) },
);
const MOMENT = moment("100:105:101,103", 10n);
const isSeen = (each: number) => each < 100 || each === 100 || each === 102 || each === 104;

Deno.test("what the moment does not see takes its row out, before the chunk is here and after", () => {
  fc.assert(fc.property(keys, fc.array(step), fc.nat(20), (all, steps, arrivesAt) => {
    const window = new ChunkWindow(1n, ORDER);
    const removed = new Set<number>();
    const again = new Set<string>();
    const expectedAgain = new Set<string>();
    let cursor = 0;
    steps.forEach((each, index) => {
      if (index === arrivesAt) arrive();
      const isHere = index >= arrivesAt;
      if (each.kind === "send") {
        if (!isHere) return;
        cursor = window.cursor = Math.min(all.length, cursor + each.rows);
      } else if (each.kind === "truncate") {
        window.truncated(each.xid);
        if (!isSeen(each.xid)) { for (let row = cursor; row < all.length; row++) removed.add(row); }
      } else {
        const changed = all[each.key] ?? ["not", "there"];
        const { bytes, length } = keyBytes(changed);
        if (window.changed(each.xid, bytes, length, each.leavesOut)) again.add(JSON.stringify(changed));
        const row = each.key < all.length ? each.key : -1;
        if (isSeen(each.xid) || row < 0 || (row < cursor && !removed.has(row))) return;
        removed.add(row);
        if (each.leavesOut) expectedAgain.add(JSON.stringify(changed));
      }
    });
    if (steps.length <= arrivesAt) arrive();
    deepStrictEqual(all.map((_, row) => window.isRemoved(row)), all.map((_, row) => removed.has(row)));
    deepStrictEqual([...again].sort(), [...expectedAgain].sort());

    function arrive(): void {
      for (const each of window.arrived(chunk(rowsOf(all), MOMENT))) again.add(JSON.stringify(each));
    }
  }));
});

Deno.test("a window that more changes come to than it keeps is read again", () => {
  const window = new ChunkWindow(1n, [0]);
  const { bytes, length } = keyBytes(["1"]);
  for (let change = 0; change < 20_000; change++) window.changed(200, bytes, length, false);
  strictEqual(window.isStale, false);
  window.changed(200, bytes, length, false);
  strictEqual(window.isStale, true);
});
