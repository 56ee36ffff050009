// Keeps the histories of relations in the Deno KV file of the checkpoint, one value for each relation.

import type { SourceIdentity } from "../core/position.ts";
import type { RelationHistory, RelationStore } from "../pipeline/relation_store.ts";
import { parseHistory, printHistory } from "./relation_json.ts";

/** Beyond that, the least recently used ones are deleted. */
const RELATIONS_MAX = 10_000;
// The limit of Deno KV is 65,536 bytes.
const VALUE_BYTES_MAX = 60_000;
const PREFIX = "relation";

type Key = readonly [string, string, string, number];

/**
 * A history that can't be read or written counts as unknown. Errors of the file are reported for the
 * checkpoint.
 */
export class KvRelationStore implements RelationStore {
  readonly #open: () => Promise<Deno.Kv>;
  readonly #relationsMax: number;
  /** The keys in the file, least recently used first; undefined until they are read. */
  #keys: Map<string, Key> | undefined;

  /** @param open returns the file; it may throw */
  constructor(open: () => Promise<Deno.Kv>, relationsMax = RELATIONS_MAX) {
    this.#open = open;
    this.#relationsMax = relationsMax;
  }

  async load(source: SourceIdentity, relationId: number): Promise<RelationHistory> {
    const key = keyOf(source, relationId);
    const value = await this.#try(async (kv) => (await kv.get(key)).value);
    const history = value instanceof Uint8Array ? parseHistory(value) : undefined;
    if (history === undefined) return [];
    if (this.#keys !== undefined) touch(this.#keys, key);
    return history;
  }

  async save(source: SourceIdentity, relationId: number, history: RelationHistory): Promise<void> {
    const key = keyOf(source, relationId);
    const value = fitting(history);
    await this.#try(async (kv) => {
      // The stored history would be out of date.
      if (value === undefined) return await kv.delete(key);
      const keys = this.#keys ??= await readKeys(kv);
      await kv.set(key, value);
      touch(keys, key);
      for (const [text, oldest] of keys) {
        if (keys.size <= this.#relationsMax) break;
        await kv.delete(oldest);
        keys.delete(text);
      }
    });
  }

  async #try<T>(action: (kv: Deno.Kv) => Promise<T>): Promise<T | undefined> {
    try {
      return await action(await this.#open());
    } catch {
      return undefined;
    }
  }
}

/** Without the slot: all slots of a database read the same WAL. */
function keyOf({ systemIdentifier, database }: SourceIdentity, relationId: number): Key {
  return [PREFIX, systemIdentifier, database, relationId];
}

function touch(keys: Map<string, Key>, key: Key): void {
  const text = JSON.stringify(key);
  keys.delete(text);
  keys.set(text, key);
}

async function readKeys(kv: Deno.Kv): Promise<Map<string, Key>> {
  const keys = new Map<string, Key>();
  for await (const { key } of kv.list({ prefix: [PREFIX] })) touch(keys, key as unknown as Key);
  return keys;
}

/** As many of the newest versions as fit in one value; undefined if not even one does. */
function fitting(history: RelationHistory): Uint8Array | undefined {
  for (let first = 0; first < history.length; first++) {
    const bytes = printHistory(history.slice(first));
    if (bytes.length <= VALUE_BYTES_MAX) return bytes;
  }
  return undefined;
}
