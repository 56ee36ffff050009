// How relations are described to the decoder: when the catalog is asked, and what its answer is used for.

import { deepStrictEqual, strictEqual } from "node:assert";
import { ChangeDecoder } from "../../../src/decoder/change_decoder.ts";
import { NativeFormat } from "../../../src/decoder/formats/native/native_format.ts";
import type { MessageBytes } from "../../../src/decoder/pgoutput/message_bytes.ts";
import type { RelationDetails, SourceSession } from "../../../src/pipeline/ports.ts";
import { RelationDescriptions } from "../../../src/pipeline/relation_descriptions.ts";
import type { RelationHistory } from "../../../src/pipeline/relation_store.ts";
import { NO_KEY } from "../../support/fake_ports.ts";
import { begin, commit, insert, relation } from "../../../dev/fixtures/pgoutput_bytes.ts";

const IDENTITY = { systemIdentifier: "7300", database: "shop", slot: "orders" };
const SIGNAL = new AbortController().signal;
const TABLE = relation(1, "public", "t", "f", [{ name: "id", type: 23, key: true }]);
const PLAIN = relation(2, "public", "plain", "d", [{ name: "id", type: 23, key: true }]);
const BY_ID = { ...NO_KEY, primaryKey: ["id"], primaryKeyXid: 50 };
const GONE = { ...NO_KEY, exists: false };

/** A stream read with a catalog and a memory that last longer than it. */
class World {
  catalog: Omit<RelationDetails, "asOf"> = NO_KEY;
  walEnd = 1000n;
  readonly memory = new Map<number, RelationHistory>();
  readonly asked: bigint[] = [];
  readonly undescribed: string[] = [];

  /** The keys of the rows of a new connection's stream. */
  async read(...messages: readonly MessageBytes[]): Promise<(string | null)[]> {
    const decoder = new ChangeDecoder({ format: new NativeFormat("0", "shop"), tombstones: false });
    const session: Pick<SourceSession, "describeRelation"> = {
      describeRelation: () => {
        this.asked.push(decoder.commitLsn);
        return Promise.resolve({ ...this.catalog, asOf: this.walEnd });
      },
    };
    const descriptions = new RelationDescriptions(session as SourceSession, decoder, {
      identity: IDENTITY,
      store: {
        load: (_source, id) => Promise.resolve(this.memory.get(id) ?? []),
        save: (_source, id, history) => {
          this.memory.set(id, history);
          return Promise.resolve();
        },
      },
      onUndescribed: ({ table }, { key }) => this.undescribed.push(`${table} ${key}`),
    });
    const keys: (string | null)[] = [];
    for (const message of messages) {
      const decoded = decoder.decode(message);
      if (decoded === "relation") await descriptions.define(SIGNAL);
      if (decoded === "begin" && descriptions.isDue) await descriptions.defineDue(SIGNAL);
      while (decoded === "change" && decoder.nextRecord()) {
        const { bytes, keyEnd } = decoder.record;
        keys.push(keyEnd < 0 ? null : new TextDecoder().decode(bytes.subarray(0, keyEnd)));
      }
    }
    return keys;
  }
}

function transaction(commitLsn: bigint, xid: number, ...messages: readonly MessageBytes[]): MessageBytes[] {
  return [begin(commitLsn, 0, xid), ...messages, insert(1, ["7"]), commit(commitLsn, commitLsn + 10n)];
}

Deno.test("a message that leaves nothing open is not asked about, nor kept", async () => {
  const world = new World();
  await world.read(begin(500n, 0, 1), PLAIN, insert(2, ["7"]), commit(500n, 510n));
  deepStrictEqual([world.asked, world.memory.size], [[], 0]);
});

Deno.test("a table that is gone on the next connection keeps its key; one that nobody knew is told", async () => {
  const world = new World();
  world.catalog = BY_ID;
  deepStrictEqual(await world.read(...transaction(500n, 60, TABLE)), ['{"id":7}']);
  world.catalog = GONE;
  world.walEnd = 3000n;
  deepStrictEqual(await world.read(...transaction(2000n, 70, TABLE)), ['{"id":7}']);
  deepStrictEqual(world.undescribed, []);
  world.memory.clear();
  deepStrictEqual(await world.read(...transaction(2000n, 70, TABLE)), [null]);
  deepStrictEqual(world.undescribed, ["t true"]);
  // It is asked for again, and not taken for known.
  strictEqual(world.memory.size, 0);
});

Deno.test("within what the catalog was asked for, a table that comes once more is not asked about", async () => {
  const world = new World();
  world.catalog = BY_ID;
  await world.read(...transaction(500n, 60, TABLE), ...transaction(600n, 61, TABLE));
  deepStrictEqual(world.asked, [500n]);
  await world.read(...transaction(500n, 60, TABLE), ...transaction(1001n, 61, TABLE));
  deepStrictEqual(world.asked, [500n, 500n, 1001n]);
});

Deno.test("a version that waits begins at a transaction, without another Relation message", async () => {
  const world = new World();
  await world.read(...transaction(500n, 40, TABLE));
  world.catalog = BY_ID;
  world.walEnd = 3000n;
  const stream = [...transaction(2000n, 49, TABLE), ...transaction(2100n, 50), ...transaction(2200n, 45)];
  const keys = [null, '{"id":7}', '{"id":7}'];
  deepStrictEqual(await world.read(...stream), keys);
  // Read again after the key was dropped: the same.
  world.catalog = NO_KEY;
  world.walEnd = 4000n;
  deepStrictEqual(await world.read(...stream), keys);
  deepStrictEqual(await world.read(...stream, ...transaction(4001n, 80)), [...keys, null]);
});

Deno.test("a memory that keeps nothing means only that the catalog is asked", async () => {
  const world = new World();
  world.memory.set = () => world.memory;
  world.catalog = BY_ID;
  const stream = [
    ...transaction(500n, 60, TABLE),
    ...transaction(600n, 61, TABLE),
    ...transaction(2000n, 62),
  ];
  deepStrictEqual(await world.read(...stream), ['{"id":7}', '{"id":7}', '{"id":7}']);
});
