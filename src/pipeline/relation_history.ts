// Determines which key and types a relation had at a commit, from stored history and the catalog.
//
// The catalog describes the present, the stream the past: docs/DELIVERY.md, "What depends on the catalog of
// now".

import { createHash } from "node:crypto";
import type { Relation } from "../decoder/pgoutput/messages.ts";
import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import { isOlder } from "../core/xid.ts";
import type { MissingDetails } from "./events.ts";
import type { RelationDetails } from "./ports.ts";
import type { RelationHistory, RelationVersion } from "./relation_store.ts";

/** Each version is a change of one table that the stream may have to be read across again. */
const VERSIONS_MAX = 8;

/** The transaction that the stream has reached. */
export interface Place {
  readonly commitLsn: Lsn;
  readonly xid: number;
  /** Whether the Relation message was repeated on this connection, as PostgreSQL does after a change. */
  readonly isAgain: boolean;
}

/** The details missing from a Relation message. */
export interface OpenQuestions {
  readonly key: boolean;
  readonly typeOids: readonly number[];
}

/** Equal for two Relation messages with the same content. */
export function relationSignature({ schema, table, replicaIdentity, columns }: Relation): string {
  const said = columns.map(({ name, typeOid, isIdentity }) => [name, typeOid, isIdentity]);
  const text = JSON.stringify([schema, table, replicaIdentity, said]);
  return createHash("sha256").update(text).digest("base64");
}

/** The version that is valid at the commit; undefined if the signature is unknown. */
export function versionAt(
  history: RelationHistory,
  signature: string,
  commitLsn: Lsn,
): RelationVersion | undefined {
  const same = history.filter((each) => each.signature === signature);
  return same.findLast(({ from }) => from <= commitLsn) ?? same[0];
}

/** The version after the one that is valid at the commit. */
export function versionAfter(
  history: RelationHistory,
  signature: string,
  commitLsn: Lsn,
): RelationVersion | undefined {
  const held = versionAt(history, signature, commitLsn);
  return history.find((each) => each.signature === signature && each !== held && each.from > commitLsn);
}

/** Whether a version is already valid in that transaction, although its first commit is unknown. */
export function holdsBy(version: Pick<RelationVersion, "isExact" | "sinceXid">, xid: number): boolean {
  return !version.isExact && version.sinceXid !== undefined && !isOlder(xid, version.sinceXid);
}

/** Makes a later version begin at the place, if there is evidence that it is valid by now. */
export function advance(history: RelationHistory, signature: string, place: Place): RelationHistory {
  const waiting = history.filter((each) => each.signature === signature && each.from > place.commitLsn);
  const held = versionAt(history, signature, place.commitLsn);
  // At its `asOf`, the valid version was still the catalog's.
  if (held === undefined || place.commitLsn <= held.asOf) return history;
  const next = waiting[0];
  const isChanged = place.isAgain && next !== undefined && !next.isExact && next.sinceXid === undefined;
  const begun = waiting.findLast((each) => holdsBy(each, place.xid)) ?? (isChanged ? next : undefined);
  return begun === undefined ? history : beginAt(history, begun, place.commitLsn);
}

/**
 * Adds the catalog's answer. Details that the catalog has forgotten are filled in from the history.
 * @returns the history with a version for the relation, and the details that neither of them knows
 */
export function learn(
  history: RelationHistory,
  relation: Relation,
  open: OpenQuestions,
  details: RelationDetails,
  place: Place,
): { readonly history: RelationHistory; readonly missing: MissingDetails } {
  const signature = relationSignature(relation);
  const newest = history.findLast((each) => each.signature === signature);
  const types = new Map(
    open.typeOids.flatMap((oid): [number, PgType][] => {
      const type = details.types.get(oid) ?? rememberedType(history, oid);
      return type === undefined ? [] : [[oid, type]];
    }),
  );
  const primaryKey = open.key
    ? keyOf(relation, details, newest ?? history.at(-1))
    : relation.columns.filter(({ isIdentity }) => isIdentity).map(({ name }) => name);
  const missing = {
    key: primaryKey === undefined,
    typeOids: open.typeOids.filter((oid) => !types.has(oid)),
  };
  const told = { signature, asOf: details.asOf, primaryKey: primaryKey ?? null, types };
  if (newest === undefined) {
    const first: RelationVersion = { ...told, from: 0n, isExact: true, sinceXid: undefined };
    return { history: bounded([...history, first]), missing };
  }
  const isSameKey = JSON.stringify(newest.primaryKey) === JSON.stringify(told.primaryKey);
  const isSameTypes = isEqual(newest.types, types);
  if (isSameKey && isSameTypes) {
    const asked = { ...newest, asOf: told.asOf > newest.asOf ? told.asOf : newest.asOf };
    return { history: history.map((each) => each === newest ? asked : each), missing };
  }
  const version: RelationVersion = {
    ...told,
    // Transactions that commit after the catalog was read are at least as new as its content.
    from: told.asOf + 1n,
    isExact: false,
    sinceXid: sinceXid(details, !isSameKey, !isSameTypes),
  };
  return { history: advance(bounded([...history, version]), signature, place), missing };
}

/** Adds types that were looked up because values did not fit or because a type was altered. */
export function retyped(
  history: RelationHistory,
  signature: string,
  types: ReadonlyMap<number, PgType>,
  commitLsn: Lsn,
): RelationHistory {
  const held = versionAt(history, signature, commitLsn);
  if (held === undefined || isEqual(held.types, types)) return history;
  // The key was not read, so `asOf` stays.
  const next = { ...held, types, from: commitLsn, isExact: true, sinceXid: undefined };
  return bounded(history.flatMap((each) => {
    if (each === held) return held.from === commitLsn ? [next] : [held, next];
    return [each.signature === signature && each.from > commitLsn ? { ...each, types } : each];
  }));
}

/** Makes the version begin there; versions between it and the previous one were never valid. */
function beginAt(history: RelationHistory, begun: RelationVersion, commitLsn: Lsn): RelationHistory {
  const at = history.indexOf(begun);
  return history.flatMap((each, index) => {
    if (each === begun) return [{ ...begun, from: commitLsn, isExact: true }];
    const isPassed = each.signature === begun.signature && each.from > commitLsn && index < at;
    return isPassed ? [] : [each];
  });
}

/** Undefined if the key can no longer be determined. */
function keyOf(
  relation: Relation,
  details: RelationDetails,
  known: RelationVersion | undefined,
): readonly string[] | null | undefined {
  if (details.exists && fits(relation, details.primaryKey)) return details.primaryKey;
  // The table was dropped, or its key has had other columns since.
  if (known !== undefined && fits(relation, known.primaryKey)) return known.primaryKey;
  // Or the publication omits columns of the key.
  return details.exists ? details.primaryKey : undefined;
}

function fits({ columns }: Relation, key: readonly string[] | null): boolean {
  return key === null || key.every((name) => columns.some((column) => column.name === name));
}

function rememberedType(history: RelationHistory, oid: number): PgType | undefined {
  return history.findLast(({ types }) => types.has(oid))?.types.get(oid);
}

/** The catalog keeps no trace of the transaction that dropped a key. */
function sinceXid(details: RelationDetails, isOtherKey: boolean, isOtherTypes: boolean): number | undefined {
  const { primaryKeyXid, typesXid } = details;
  if (!isOtherKey) return typesXid;
  if (!isOtherTypes || primaryKeyXid === undefined || typesXid === undefined) return primaryKeyXid;
  return isOlder(primaryKeyXid, typesXid) ? typesXid : primaryKeyXid;
}

function isEqual(a: ReadonlyMap<number, PgType>, b: ReadonlyMap<number, PgType>): boolean {
  return a.size === b.size &&
    [...a].every(([oid, type]) => JSON.stringify(type) === JSON.stringify(b.get(oid)));
}

function bounded(history: RelationHistory): RelationHistory {
  return history.slice(-VERSIONS_MAX);
}
