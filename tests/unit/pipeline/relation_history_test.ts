// Which key and types a relation had at a commit, from what was known before and what the catalog says now.

import { deepStrictEqual, strictEqual } from "node:assert";
import type { Relation } from "../../../src/decoder/pgoutput/messages.ts";
import type { PgType } from "../../../src/core/pg_type.ts";
import { isOlder } from "../../../src/core/xid.ts";
import type { RelationDetails } from "../../../src/pipeline/ports.ts";
import {
  advance,
  learn,
  type Place,
  relationSignature,
  retyped,
  versionAfter,
  versionAt,
} from "../../../src/pipeline/relation_history.ts";
import type { RelationHistory } from "../../../src/pipeline/relation_store.ts";

const PAIR = 16_400;
const TABLE: Relation = {
  id: 1,
  schema: "public",
  table: "t",
  replicaIdentity: "full",
  columns: [
    { name: "id", typeOid: 23, isIdentity: true },
    { name: "p", typeOid: PAIR, isIdentity: true },
  ],
};
const SIGNATURE = relationSignature(TABLE);
const OPEN = { key: true, typeOids: [PAIR] };
const OLD: PgType = { kind: "composite", fields: [{ name: "old", type: { kind: "other" } }] };
const NEW: PgType = { kind: "composite", fields: [{ name: "new", type: { kind: "other" } }] };

function catalog(details: Partial<RelationDetails>): RelationDetails {
  return {
    exists: true,
    primaryKey: null,
    primaryKeyXid: undefined,
    types: new Map([[PAIR, OLD]]),
    typesXid: undefined,
    asOf: 1000n,
    ...details,
  };
}

const GONE: Partial<RelationDetails> = { exists: false, types: new Map() };
const BY_ID: Partial<RelationDetails> = { primaryKey: ["id"], primaryKeyXid: 50 };

function at(commitLsn: bigint, xid: number, isAgain = false): Place {
  return { commitLsn, xid, isAgain };
}

function taught(
  history: RelationHistory,
  details: Partial<RelationDetails>,
  place: Place,
  relation = TABLE,
): RelationHistory {
  return learn(history, relation, OPEN, catalog(details), place).history;
}

function keyAt(history: RelationHistory, commitLsn: bigint): readonly string[] | null | undefined {
  return versionAt(history, SIGNATURE, commitLsn)?.primaryKey;
}

Deno.test("what the catalog says first holds for all that was committed before, too", () => {
  const history = taught([], BY_ID, at(500n, 60));
  deepStrictEqual(keyAt(history, 1n), ["id"]);
  deepStrictEqual(keyAt(history, 5000n), ["id"]);
});

Deno.test("a table that was dropped keeps the key and the types that were known of it", () => {
  const known = taught([], BY_ID, at(500n, 60));
  const { history, missing } = learn(known, TABLE, OPEN, catalog({ ...GONE, asOf: 3000n }), at(2000n, 70));
  deepStrictEqual(missing, { key: false, typeOids: [] });
  for (const commit of [2000n, 9000n]) {
    deepStrictEqual(keyAt(history, commit), ["id"]);
    deepStrictEqual(versionAt(history, SIGNATURE, commit)?.types.get(PAIR), OLD);
  }
});

Deno.test("of a table that was altered and then dropped, the key and the types of before are the nearest", () => {
  const known = taught([], BY_ID, at(500n, 60));
  const columns = [...TABLE.columns, { name: "more", typeOid: 25, isIdentity: true }];
  const altered = { ...TABLE, columns };
  const { history, missing } = learn(known, altered, OPEN, catalog(GONE), at(2000n, 70));
  const version = versionAt(history, relationSignature(altered), 2000n);
  deepStrictEqual(version?.primaryKey, ["id"]);
  deepStrictEqual(version?.types.get(PAIR), OLD);
  deepStrictEqual(missing, { key: false, typeOids: [] });
});

Deno.test("what neither the catalog nor the memory knows is told, and so is a key whose columns are not there", () => {
  const never = learn([], TABLE, OPEN, catalog(GONE), at(2000n, 70));
  deepStrictEqual(never.missing, { key: true, typeOids: [PAIR] });
  const known = taught([], BY_ID, at(500n, 60));
  const renamed = { ...TABLE, columns: TABLE.columns.map((each) => ({ ...each, name: `${each.name}2` })) };
  deepStrictEqual(learn(known, renamed, OPEN, catalog(GONE), at(2000n, 70)).missing.key, true);
});

Deno.test("a key that was dropped while nobody looked holds up to the end of the WAL at the next look", () => {
  const known = taught([], BY_ID, at(500n, 60));
  const history = taught(known, { asOf: 3000n }, at(2000n, 70));
  deepStrictEqual(keyAt(history, 2000n), ["id"]);
  deepStrictEqual(keyAt(history, 3000n), ["id"]);
  strictEqual(keyAt(history, 3001n), null);
});

Deno.test("or up to the place where the table is described once more on the connection", () => {
  const known = taught([], BY_ID, at(500n, 60));
  const looked = taught(known, { asOf: 3000n }, at(2000n, 70));
  const history = advance(looked, SIGNATURE, at(2500n, 71, true));
  deepStrictEqual(keyAt(history, 2499n), ["id"]);
  strictEqual(keyAt(history, 2500n), null);
  // While it streams, that is where the catalog is asked.
  const live = taught(known, { asOf: 3000n }, at(2500n, 71, true));
  deepStrictEqual(keyAt(live, 2499n), ["id"]);
  strictEqual(keyAt(live, 2500n), null);
});

Deno.test("a new key holds from the first transaction that is not older than the one that made it", () => {
  const known = taught([], {}, at(500n, 40));
  const before = taught(known, { ...BY_ID, asOf: 3000n }, at(2000n, 49));
  strictEqual(keyAt(before, 2000n), null);
  const same = advance(before, SIGNATURE, at(2100n, 49, true));
  strictEqual(keyAt(same, 2100n), null);
  const history = advance(same, SIGNATURE, at(2200n, 50));
  strictEqual(keyAt(history, 2199n), null);
  deepStrictEqual(keyAt(history, 2200n), ["id"]);
  // A transaction with a lower id that commits later changes nothing any more.
  strictEqual(advance(history, SIGNATURE, at(2300n, 45)), history);
});

Deno.test("read again, the same WAL gives the same, whatever the catalog says by then", () => {
  const known = taught([], {}, at(500n, 40));
  const history = taught(known, { ...BY_ID, asOf: 3000n }, at(2000n, 50));
  const again = taught(history, { asOf: 9000n }, at(400n, 39));
  for (const commit of [400n, 1999n]) strictEqual(keyAt(again, commit), null);
  for (const commit of [2000n, 9000n]) deepStrictEqual(keyAt(again, commit), ["id"]);
  strictEqual(keyAt(again, 9001n), null);
});

Deno.test("up to where the catalog was asked, nothing later shows that a newer version holds", () => {
  const known = taught([], { asOf: 2000n }, at(500n, 40));
  const looked = taught(known, { ...BY_ID, asOf: 3000n }, at(1500n, 60));
  strictEqual(keyAt(looked, 1500n), null);
  strictEqual(advance(looked, SIGNATURE, at(2000n, 60, true)), looked);
  deepStrictEqual(keyAt(advance(looked, SIGNATURE, at(2001n, 60)), 2001n), ["id"]);
});

Deno.test("of two versions that wait, the one that has begun passes over the other", () => {
  const known = taught([], {}, at(500n, 40));
  const one = taught(known, { ...BY_ID, asOf: 3000n }, at(2000n, 45));
  const two = taught(one, { primaryKey: ["p"], primaryKeyXid: 55, asOf: 4000n }, at(2000n, 45));
  const history = advance(two, SIGNATURE, at(2500n, 56));
  strictEqual(keyAt(history, 2499n), null);
  deepStrictEqual(keyAt(history, 2500n), ["p"]);
  deepStrictEqual(keyAt(history, 9000n), ["p"]);
  deepStrictEqual(versionAfter(history, SIGNATURE, 2500n), undefined);
});

Deno.test("an altered type holds from the first transaction that is not older than the one that altered it", () => {
  const known = taught([], {}, at(500n, 40));
  const looked = taught(known, { types: new Map([[PAIR, NEW]]), typesXid: 60, asOf: 3000n }, at(2000n, 59));
  deepStrictEqual(versionAt(looked, SIGNATURE, 2000n)?.types.get(PAIR), OLD);
  const history = advance(looked, SIGNATURE, at(2100n, 60));
  deepStrictEqual(versionAt(history, SIGNATURE, 2100n)?.types.get(PAIR), NEW);
});

Deno.test("types that were taken because values did not fit hold from there on, and the key stays open", () => {
  const known = taught([], BY_ID, at(500n, 60));
  const history = retyped(known, SIGNATURE, new Map([[PAIR, NEW]]), 2000n);
  deepStrictEqual(versionAt(history, SIGNATURE, 1999n)?.types.get(PAIR), OLD);
  deepStrictEqual(versionAt(history, SIGNATURE, 2000n)?.types.get(PAIR), NEW);
  strictEqual(versionAt(history, SIGNATURE, 2000n)?.asOf, 1000n);
  strictEqual(retyped(history, SIGNATURE, new Map([[PAIR, NEW]]), 3000n), history);
});

Deno.test("a history is bounded, and ends with the newest", () => {
  let history: RelationHistory = [];
  for (let round = 1; round <= 50; round++) {
    const commit = BigInt(round) * 100n;
    const primaryKey = round % 2 === 0 ? ["id"] : null;
    history = taught(history, { primaryKey, asOf: commit + 50n }, at(commit, round, true));
  }
  strictEqual(history.length, 8);
  deepStrictEqual(keyAt(history, 5000n), ["id"]);
  strictEqual(keyAt(history, 4900n), null);
});

Deno.test("the signature is that of the message: columns, their types, the identity, the name", () => {
  const [id, p] = TABLE.columns as [Relation["columns"][0], Relation["columns"][0]];
  const others: readonly Relation[] = [
    { ...TABLE, table: "u" },
    { ...TABLE, schema: "s" },
    { ...TABLE, replicaIdentity: "nothing" },
    { ...TABLE, columns: [p, id] },
    { ...TABLE, columns: [{ ...id, typeOid: 20 }, p] },
    { ...TABLE, columns: [{ ...id, isIdentity: false }, p] },
  ];
  strictEqual(new Set([TABLE, ...others].map(relationSignature)).size, others.length + 1);
  strictEqual(relationSignature({ ...TABLE }), SIGNATURE);
});

Deno.test("transaction ids go round", () => {
  strictEqual(isOlder(1, 2), true);
  strictEqual(isOlder(2, 2), false);
  strictEqual(isOlder(0xffff_fff0, 5), true);
  strictEqual(isOlder(5, 0xffff_fff0), false);
});
