// The way back: from the JSON of a message to the text that PostgreSQL reads as the same value. As a consumer would.

import { Buffer } from "node:buffer";
import type { PgType } from "../../src/core/pg_type.ts";
import type { RawJson } from "./raw_json.ts";

/** The text form of a value of that type; null for null. */
export function literalOf(type: PgType, json: RawJson): string | null {
  if (json.kind === "null") return null;
  if (isJson(type)) return json.raw;
  switch (type.kind) {
    case "domain":
      return literalOf(type.base, json);
    case "array":
      return arrayLiteral(type.element, type.delimiter, json);
    case "composite":
      return compositeLiteral(type.fields.map((field) => [field.name, field.type]), json);
    case "base":
      if (type.name === "bytea" && json.kind === "string") {
        return `\\x${Buffer.from(json.value, "base64").toString("hex")}`;
      }
      if (type.name === "char" && json.kind === "string") return json.value;
      return scalarText(json);
    case "extension":
      return type.name === "hstore" && json.kind === "object"
        ? hstoreLiteral(json.members)
        : scalarText(json);
    default:
      return scalarText(json);
  }
}

function isJson(type: PgType): boolean {
  return type.kind === "domain"
    ? isJson(type.base)
    : type.kind === "base" && (type.name === "json" || type.name === "jsonb");
}

function scalarText(json: RawJson): string {
  return json.kind === "string" ? json.value : json.raw;
}

function arrayLiteral(element: PgType, delimiter: string, json: RawJson): string {
  if (json.kind !== "array") throw new TypeError(`not an array: ${json.raw}`);
  const items = json.items.map((item) => {
    // An element that is an array is a dimension: PostgreSQL has no arrays of arrays.
    if (item.kind === "array" && !isJson(element)) return arrayLiteral(element, delimiter, item);
    if (item.kind === "null") return "NULL";
    return quoted(literalOf(element, item) ?? "");
  });
  return `{${items.join(delimiter)}}`;
}

function compositeLiteral(fields: readonly (readonly [string, PgType])[], json: RawJson): string {
  if (json.kind !== "object") throw new TypeError(`not an object: ${json.raw}`);
  const values = fields.map(([name, type]) => {
    const value = json.members.get(name);
    const literal = value === undefined || value.kind === "null" ? null : literalOf(type, value);
    return literal === null ? "" : quoted(literal);
  });
  return `(${values.join(",")})`;
}

function hstoreLiteral(members: ReadonlyMap<string, RawJson>): string {
  return Array.from(members, ([name, value]) => {
    return `${quoted(name)}=>${value.kind === "null" ? "NULL" : quoted(scalarText(value))}`;
  }).join(",");
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
