// The stored form of a relation's history: JSON as bytes, for the same reason as the checkpoint
// (kv_store.ts).

import type { PgType } from "../core/pg_type.ts";
import { formatLsn, parseLsn } from "../core/position.ts";
import { utf8 } from "../core/utf8.ts";
import type { RelationHistory, RelationVersion } from "../pipeline/relation_store.ts";

const FORMAT_VERSION = 1;
/** The deepest nesting of types that a writer accepts. */
const DEPTH_MAX = 64;

/** Prints a history. */
export function printHistory(history: RelationHistory): Uint8Array {
  const versions = history.map((each) => ({
    ...each,
    from: formatLsn(each.from),
    asOf: formatLsn(each.asOf),
    types: [...each.types],
  }));
  return utf8(JSON.stringify({ version: FORMAT_VERSION, versions }));
}

/** Parses what `printHistory` printed; undefined if the bytes are something else. */
export function parseHistory(bytes: Uint8Array): RelationHistory | undefined {
  try {
    const { version, versions } = fieldsOf(JSON.parse(new TextDecoder().decode(bytes)));
    return version === FORMAT_VERSION && Array.isArray(versions) ? versions.map(versionOf) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function versionOf(value: unknown): RelationVersion {
  const { signature, from, isExact, sinceXid, asOf, primaryKey, types } = fieldsOf(value);
  const fromLsn = parseLsn(String(from));
  const asOfLsn = parseLsn(String(asOf));
  const isWhole = typeof signature === "string" && fromLsn !== undefined && typeof isExact === "boolean" &&
    (sinceXid === undefined || typeof sinceXid === "number") && asOfLsn !== undefined &&
    (primaryKey === null || isNames(primaryKey)) && Array.isArray(types);
  if (!isWhole) throw new SyntaxError("not a version of a relation");
  return {
    signature,
    from: fromLsn,
    isExact,
    sinceXid,
    asOf: asOfLsn,
    primaryKey,
    types: new Map(types.map(typeEntry)),
  };
}

function typeEntry(value: unknown): [number, PgType] {
  if (!Array.isArray(value) || typeof value[0] !== "number" || !isTypeInfo(value[1], 0)) {
    throw new SyntaxError("not a type");
  }
  return [value[0], value[1]];
}

function isTypeInfo(value: unknown, depth: number): value is PgType {
  const { kind, name, extension, base, element, delimiter, fields } = fieldsOf(value);
  if (depth > DEPTH_MAX) return false;
  switch (kind) {
    case "enum":
    case "range":
    case "other":
      return true;
    case "base":
      return typeof name === "string";
    case "extension":
      return typeof name === "string" && typeof extension === "string";
    case "domain":
      return isTypeInfo(base, depth + 1);
    case "array":
      return typeof delimiter === "string" && isTypeInfo(element, depth + 1);
    case "composite":
      return Array.isArray(fields) && fields.every((field) => {
        const { name, type } = fieldsOf(field);
        return typeof name === "string" && isTypeInfo(type, depth + 1);
      });
    default:
      return false;
  }
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new SyntaxError("not an object");
  return value as Record<string, unknown>;
}
