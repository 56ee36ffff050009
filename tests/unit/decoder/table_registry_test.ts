// The registry of tables: what it is told is what it knows, in bounded memory.

import { deepStrictEqual, notStrictEqual, ok, strictEqual, throws } from "node:assert";
import { builtinType } from "../../../src/core/builtin_types.ts";
import { CaptureError, errorPolicy } from "../../../src/core/errors.ts";
import type { PgType } from "../../../src/core/pg_type.ts";
import { parseDescription, printDescription } from "../../../src/decoder/description.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import type { Overflow } from "../../../src/decoder/overflow.ts";
import type { Relation } from "../../../src/decoder/pgoutput/messages.ts";
import { RecentlyUsed } from "../../../src/decoder/recently_used.ts";
import { RecordStore } from "../../../src/decoder/record_store.ts";
import { TableRegistry } from "../../../src/decoder/table_registry.ts";

const INT4 = builtinType(23)!;
const PAIR: PgType = { kind: "composite", name: "pair", fields: [{ name: "l", type: INT4 }] };
const LIMITS = { memoryBytesMax: 1_000, overflowBytesMax: 1_000_000 };

class MemoryOverflow implements Overflow {
  bytes = new Uint8Array(6_000_000);
  cleared = 0;
  clear(): void {
    this.cleared++;
  }
  write(bytes: Uint8Array, at: number): void {
    this.bytes.set(bytes, at);
  }
  read(length: number, at: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }
}

/** The native format, and the `mayBeOlder` of each encoder that it was asked for. */
function watchedFormat(): { readonly format: NativeFormat; readonly asked: readonly boolean[] } {
  const asked: boolean[] = [];
  class WatchedFormat extends NativeFormat {
    override table(...args: Parameters<NativeFormat["table"]>): ReturnType<NativeFormat["table"]> {
      asked.push(args[2]);
      return super.table(...args);
    }
  }
  return { format: new WatchedFormat("0", "d"), asked };
}

function relationOf(id: number, columns = 3): Relation {
  return {
    id,
    schema: "public",
    table: `table_${id}`,
    replicaIdentity: "default",
    columns: Array.from({ length: columns }, (_, index) => ({
      name: `column_${index}`,
      typeOid: index === 2 ? 50_000 : 23,
      isIdentity: index === 0,
    })),
  };
}

function typesOf({ columns }: Relation): readonly PgType[] {
  return columns.map(({ typeOid }) => typeOid === 23 ? INT4 : PAIR);
}

Deno.test("a description is read as it was written, whether its key is unknown, none or some columns", () => {
  for (const primaryKey of [undefined, null, ["column_1"]]) {
    const relation = { ...relationOf(7), table: '\ufeff"\u{1f600}\\' };
    const description = { relation, primaryKey, types: typesOf(relation) };
    const read = parseDescription(printDescription(description));
    deepStrictEqual(read.relation, relation);
    deepStrictEqual(read.types, description.types);
    strictEqual(JSON.stringify([read.primaryKey]), JSON.stringify([primaryKey]));
    strictEqual(read.primaryKey === undefined, primaryKey === undefined);
  }
});

Deno.test("10,000 tables: every one is known, and only the encoders used last are compiled", () => {
  const { format, asked } = watchedFormat();
  const registry = new TableRegistry(format, new MemoryOverflow(), {
    descriptions: { memoryBytesMax: 100_000, overflowBytesMax: 5_000_000 },
    encoderBytesMax: 500_000,
  });
  for (let id = 0; id < 10_000; id++) {
    const relation = relationOf(id);
    registry.define({ relation, primaryKey: undefined, types: typesOf(relation) });
  }
  strictEqual(asked.length, 0);
  for (let id = 0; id < 10_000; id++) strictEqual(registry.get(id)!.table.table, `table_${id}`);
  strictEqual(asked.length, 10_000);
  for (let id = 9_999; id >= 9_980; id--) registry.get(id);
  strictEqual(asked.length, 10_000);
  for (let id = 0; id < 9_900; id++) registry.get(id);
  strictEqual(asked.length, 19_900);
  strictEqual([...registry.all()].length, 10_000);
  strictEqual(registry.get(10_000), undefined);
});

Deno.test("a table that is described again has the new columns and another encoder", () => {
  const registry = new TableRegistry(new NativeFormat("0", "d"));
  const before = relationOf(1, 2);
  registry.define({ relation: before, primaryKey: undefined, types: typesOf(before) });
  const first = registry.get(1)!;
  const after = relationOf(1, 3);
  registry.define({ relation: after, primaryKey: undefined, types: typesOf(after) });
  notStrictEqual(registry.get(1)!.encoder, first.encoder);
  strictEqual(registry.get(1)!.table.columns.length, 3);
});

Deno.test("what was evicted while its values may be older than its types is compiled that way again", () => {
  const { format, asked } = watchedFormat();
  const limits = { descriptions: LIMITS, encoderBytesMax: 1 };
  const registry = new TableRegistry(format, new MemoryOverflow(), limits);
  for (const id of [1, 2, 3]) {
    const relation = relationOf(id);
    registry.define({ relation, primaryKey: undefined, types: typesOf(relation) });
  }
  registry.retype(1, typesOf(relationOf(1)), 5n, 10n);
  for (const id of [2, 3, 1]) registry.get(id);
  deepStrictEqual(asked, [true, false, false, true]);
  strictEqual(registry.beginTransaction(10n), false);
  strictEqual(registry.beginTransaction(11n), true);
  registry.get(1);
  strictEqual(asked.at(-1), false);
});

Deno.test("records are read as they were put, in memory and in the overflow, larger and smaller ones in turn", () => {
  const overflow = new MemoryOverflow();
  const store = new RecordStore(LIMITS, overflow);
  strictEqual(overflow.cleared, 1);
  const expected = new Map<number, Uint8Array>();
  for (let round = 0; round < 20; round++) {
    for (let id = 0; id < 50; id++) {
      const record = new Uint8Array((id * 7 + round * 31) % 97).fill(id + round);
      store.put(id, record);
      expected.set(id, record);
    }
  }
  for (const [id, record] of expected) deepStrictEqual(store.get(id), record);
  strictEqual(store.get(50), undefined);
  deepStrictEqual(store.ids, [...expected.keys()]);
});

Deno.test("a record that grows and shrinks for ever takes no more than four times its largest size", () => {
  const store = new RecordStore({ memoryBytesMax: 500, overflowBytesMax: 0 });
  for (let round = 0; round < 10_000; round++) store.put(1, new Uint8Array(round % 100));
  strictEqual(store.get(1)!.length, 99);
});

Deno.test("where neither memory nor overflow has room, a new connection is asked for", () => {
  const store = new RecordStore(LIMITS);
  throws(() => {
    for (let id = 0; id < 100; id++) store.put(id, new Uint8Array(100));
  }, (error) => {
    ok(error instanceof CaptureError);
    strictEqual(error.kind, "too-many-relations");
    strictEqual(errorPolicy(error.kind).action, "retry");
    return true;
  });
});

Deno.test("what is used stays, what is not used leaves first, and the sum stays within the bound", () => {
  const cache = new RecentlyUsed<string>(1_000);
  for (let id = 0; id < 1_000; id++) {
    cache.set(id, `value ${id}`, 100);
    strictEqual(cache.get(0), "value 0");
    ok(cache.size <= 10);
  }
  strictEqual(cache.get(500), undefined);
  strictEqual(cache.get(999), "value 999");
  cache.set(2_000, "larger than the bound", 5_000);
  strictEqual(cache.get(2_000), "larger than the bound");
  cache.delete(2_000);
  strictEqual(cache.get(2_000), undefined);
});
