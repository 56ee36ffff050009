// What was known of relations, in the checkpoint's file: kept, bounded, and never in the way.

import { deepStrictEqual, strictEqual } from "node:assert";
import { KvRelationStore } from "../../../src/checkpoint/kv_relation_store.ts";
import { KvCheckpointStore } from "../../../src/checkpoint/kv_store.ts";
import type { PgType } from "../../../src/core/pg_type.ts";
import type { RelationVersion } from "../../../src/pipeline/relation_store.ts";

const SOURCE = { systemIdentifier: "7300000000000000001", database: "shop", slot: "orders" };
const TYPES: readonly PgType[] = [
  { kind: "base", name: "int4" },
  { kind: "extension", extension: "vector", name: "halfvec" },
  { kind: "other" },
  { kind: "enum" },
  { kind: "range" },
  { kind: "domain", base: { kind: "array", element: { kind: "enum" }, delimiter: ";" } },
  { kind: "composite", name: "pair", onlyGrew: true, fields: [{ name: "é", type: { kind: "other" } }] },
];
const VERSION: RelationVersion = {
  signature: "abc",
  from: 0x1_2345_6789n,
  isExact: false,
  sinceXid: 4_294_967_295,
  asOf: 0xffff_ffff_0000_0001n,
  primaryKey: ["a", "b"],
  types: new Map(TYPES.map((type, index) => [16_400 + index, type])),
};
const BARE: RelationVersion = { ...VERSION, sinceXid: undefined, primaryKey: null, types: new Map() };

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pg-capture-relations-" });
  try {
    await work(`${folder}/checkpoint.kv`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function storeIn(file: KvCheckpointStore, relationsMax?: number): KvRelationStore {
  return new KvRelationStore(() => file.kv(), relationsMax);
}

Deno.test("a history is loaded as it was saved, by another process too, and by nobody of another database", async () => {
  await inFolder(async (path) => {
    {
      using file = new KvCheckpointStore(path);
      deepStrictEqual(await storeIn(file).load(SOURCE, 1), []);
      await storeIn(file).save(SOURCE, 1, [BARE, VERSION]);
    }
    using file = new KvCheckpointStore(path);
    const store = storeIn(file);
    const [first, second] = await store.load({ ...SOURCE, slot: "other" }, 1);
    deepStrictEqual({ ...first, sinceXid: first?.sinceXid }, { ...BARE });
    deepStrictEqual(second, VERSION);
    deepStrictEqual(await store.load(SOURCE, 2), []);
    deepStrictEqual(await store.load({ ...SOURCE, database: "other" }, 1), []);
    deepStrictEqual(await store.load({ ...SOURCE, systemIdentifier: "1" }, 1), []);
    strictEqual(await file.load(), null);
  });
});

Deno.test("what is not a history counts as none", async () => {
  await inFolder(async (path) => {
    using file = new KvCheckpointStore(path);
    const store = storeIn(file);
    await store.save(SOURCE, 1, [VERSION]);
    const kv = await file.kv();
    const key = ["relation", SOURCE.systemIdentifier, SOURCE.database, 1];
    const good = new TextDecoder().decode((await kv.get(key)).value as Uint8Array);
    const deep = `${'{"kind":"domain","base":'.repeat(100)}{"kind":"enum"}${"}".repeat(100)}`;
    for (
      const bad of [
        "{",
        "1",
        "null",
        "[]",
        "{}",
        good.replace('"version":1', '"version":2'),
        good.replace('"abc"', "1"),
        good.replace("1/23456789", "here"),
        good.replace('["a","b"]', '["a",1]'),
        good.replace('"kind":"enum"', '"kind":"other kind"'),
        good.replace('"extension":"vector"', '"extension":1'),
        good.replace('{"kind":"enum"}', deep),
      ]
    ) {
      strictEqual(bad === good, false);
      await kv.set(key, new TextEncoder().encode(bad));
      deepStrictEqual(await store.load(SOURCE, 1), [], bad);
    }
    await kv.set(key, { versions: [] });
    deepStrictEqual(await store.load(SOURCE, 1), []);
  });
});

Deno.test("a file that fails, or can't be opened, is as one that knows nothing", async () => {
  await inFolder(async (path) => {
    const kv = await Deno.openKv(path);
    const store = new KvRelationStore(() => Promise.resolve(kv));
    kv.close();
    await store.save(SOURCE, 1, [VERSION]);
    deepStrictEqual(await store.load(SOURCE, 1), []);
  });
  const none = new KvRelationStore(() => Promise.reject(new Error("no file")));
  await none.save(SOURCE, 1, [VERSION]);
  deepStrictEqual(await none.load(SOURCE, 1), []);
});

Deno.test("there is a bound: the relation that was not used for longest is forgotten", async () => {
  await inFolder(async (path) => {
    {
      using file = new KvCheckpointStore(path);
      for (const id of [1, 2, 3]) await storeIn(file).save(SOURCE, id, [VERSION]);
    }
    using file = new KvCheckpointStore(path);
    const store = storeIn(file, 3);
    await store.save(SOURCE, 2, [VERSION]);
    strictEqual((await store.load(SOURCE, 1)).length, 1);
    await store.save(SOURCE, 4, [VERSION]);
    const kept = await Promise.all([1, 2, 3, 4].map(async (id) => (await store.load(SOURCE, id)).length));
    deepStrictEqual(kept, [1, 1, 0, 1]);
  });
});

Deno.test("of what one value can't hold the newest is kept, and nothing that is out of date", async () => {
  await inFolder(async (path) => {
    using file = new KvCheckpointStore(path);
    const store = storeIn(file);
    const large = { ...VERSION, primaryKey: ["x".repeat(40_000)] };
    await store.save(SOURCE, 1, [large, large, VERSION]);
    deepStrictEqual(await store.load(SOURCE, 1), [large, VERSION]);
    await store.save(SOURCE, 1, [{ ...VERSION, primaryKey: ["x".repeat(70_000)] }]);
    deepStrictEqual(await store.load(SOURCE, 1), []);
  });
});

Deno.test("opened by two at once, the file is opened once", async () => {
  await inFolder(async (path) => {
    using file = new KvCheckpointStore(path);
    const [one, two] = await Promise.all([file.kv(), file.kv()]);
    strictEqual(one, two);
  });
});
