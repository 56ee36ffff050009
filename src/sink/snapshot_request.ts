// The records of the control topic: operators' requests about snapshots.

import type { SnapshotRequest } from "../core/snapshot_state.ts";
import { utf8 } from "../core/utf8.ts";
import { asText, asTexts, parseJsonObject } from "./json_value.ts";

const VERSION = 1;

/** In characters. */
export const WHERE_LENGTH_MAX = 10_000;
export const TABLE_PATTERNS_MAX = 1_000;
/** In characters: two names of 63 quotes each, which are doubled and quoted, and a dot. */
const TABLE_PATTERN_LENGTH_MAX = 257;
const ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The record's value. Its key is the progress record's. */
export function encodeRequest(request: SnapshotRequest): Uint8Array {
  return utf8(JSON.stringify({ version: VERSION, ...request }));
}

/** A request, or the reason why the value is not one. */
export type DecodedRequest =
  | { readonly request: SnapshotRequest; readonly problem: undefined }
  | { readonly request: undefined; readonly problem: string };

/** @param value null for a record without a value */
export function decodeRequest(value: Uint8Array | null): DecodedRequest {
  const fields = value === null ? null : parseJsonObject(value);
  if (fields === null) return wrong("The request is not a JSON object.");
  const { version, kind, id, where } = fields;
  if (version !== VERSION) return wrong(`The request's version is ${shown(version)}, not ${VERSION}.`);
  const tables = asTexts(fields["tables"]);
  if (tables === undefined) return wrong("The request's tables are not an array of strings.");
  if (tables.length > TABLE_PATTERNS_MAX) {
    return wrong(`The request has ${tables.length} tables, more than ${TABLE_PATTERNS_MAX}.`);
  }
  const unlikely = tables.find((table) => table === "" || table.length > TABLE_PATTERN_LENGTH_MAX);
  if (unlikely !== undefined) return wrong(`The request's table ${shown(unlikely)} is not a table's name.`);
  switch (kind) {
    case "start":
      return decodeStart(tables, id, where ?? null);
    case "pause":
    case "resume":
    case "stop":
      return { request: { kind, tables }, problem: undefined };
    default:
      return wrong(`The request's kind is ${shown(kind)}, not start, pause, resume or stop.`);
  }
}

function decodeStart(tables: readonly string[], id: unknown, where: unknown): DecodedRequest {
  const idText = asText(id);
  if (idText === undefined || !ID.test(idText)) {
    return wrong(`The request's id ${shown(id)} is not one of up to 64 letters, digits, dots, _ and -.`);
  }
  if (where === null) return { request: { kind: "start", id: idText, tables, where }, problem: undefined };
  const condition = asText(where);
  if (condition === undefined || condition.trim() === "") {
    return wrong("The request's condition is not an SQL text.");
  }
  if (condition.length > WHERE_LENGTH_MAX) {
    return wrong(
      `The request's condition has ${condition.length} characters, more than ${WHERE_LENGTH_MAX}.`,
    );
  }
  if (tables.length === 0) return wrong("The request has a condition and names no table.");
  return { request: { kind: "start", id: idText, tables, where: condition }, problem: undefined };
}

function wrong(problem: string): DecodedRequest {
  return { request: undefined, problem };
}

const SHOWN_LENGTH_MAX = 40;

/** Shortens a value of a request for messages. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "object" && value !== null) return "an object";
  const text = String(value);
  return JSON.stringify(text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text);
}
