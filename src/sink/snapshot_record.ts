// The records of the state topic: one for each table's snapshot, and one for the requests handled so far.

import { CaptureError } from "../core/errors.ts";
import type { SourceIdentity } from "../core/position.ts";
import type { SnapshotState, SnapshotStatus } from "../core/snapshot_state.ts";
import { type TableName, tableText } from "../core/table_name.ts";
import { utf8 } from "../core/utf8.ts";
import { asCount, asText, asTexts, orNull, parseJsonObject } from "./json_value.ts";
import { WRITER_HINT } from "./progress_record.ts";
import { areSameBytes } from "./same_bytes.ts";

const VERSION = 1;

/** The subject of a record of this source. */
export type SnapshotKey =
  | ({ readonly kind: "state" } & TableName)
  | { readonly kind: "requests-taken" }
  | { readonly kind: "holds-unshown" };

/** The record's key. Each table has one, so compaction keeps its last record. */
export function encodeSnapshotKey(identity: SourceIdentity, key: SnapshotKey): Uint8Array {
  return utf8(JSON.stringify({
    system_identifier: identity.systemIdentifier,
    database: identity.database,
    slot: identity.slot,
    ...nameOf(key),
  }));
}

function nameOf(key: SnapshotKey): Readonly<Record<string, unknown>> {
  switch (key.kind) {
    case "state":
      return { schema: key.schema, table: key.table };
    case "requests-taken":
      return { requests: true };
    case "holds-unshown":
      return { holds_unshown: true };
  }
}

/** Decodes a key; undefined if pg-capture does not write it for this source. */
export function decodeSnapshotKey(identity: SourceIdentity, bytes: Uint8Array): SnapshotKey | undefined {
  const fields = parseJsonObject(bytes);
  if (fields === null) return undefined;
  const [schema, table] = [asText(fields["schema"]), asText(fields["table"])];
  const key: SnapshotKey = schema !== undefined && table !== undefined
    ? { kind: "state", schema, table }
    : { kind: fields["holds_unshown"] === true ? "holds-unshown" : "requests-taken" };
  // Compaction compares bytes, so the same fields in a different order form a different key.
  return areSameBytes(encodeSnapshotKey(identity, key), bytes) ? key : undefined;
}

/** Encodes the value of a table's record. */
export function encodeSnapshotState(state: SnapshotState): Uint8Array {
  return utf8(JSON.stringify({
    version: VERSION,
    id: state.id,
    status: state.status,
    where: state.where,
    table_oid: state.tableOid,
    key_columns: state.keyColumns,
    last_key: state.lastKey,
    again: state.again,
    rows: state.rows,
    rows_expected: state.rowsExpected,
    key_order: state.keyOrder,
    is_whole: state.isWhole,
    reason: state.reason,
    requested_at_ms: state.requestedAtMs,
    started_at_ms: state.startedAtMs,
    updated_at_ms: state.updatedAtMs,
  }));
}

/**
 * Decodes the value of a table's record.
 * @throws CaptureError `position-conflict` if it cannot be decoded: a guess could lose or repeat rows
 */
export function decodeSnapshotState(name: TableName, value: Uint8Array): SnapshotState {
  const what = describeSnapshotKey({ kind: "state", ...name });
  const fields = fieldsOf(what, value);
  const state = {
    schema: name.schema,
    table: name.table,
    id: asText(fields["id"]),
    status: asStatus(fields["status"]),
    where: orNull(fields["where"], asText),
    tableOid: asCount(fields["table_oid"]),
    keyColumns: asTexts(fields["key_columns"]),
    lastKey: orNull(fields["last_key"], asTexts),
    again: asKeys(fields["again"]),
    rows: asCount(fields["rows"]),
    rowsExpected: orNull(fields["rows_expected"], asCount),
    keyOrder: asText(fields["key_order"]),
    isWhole: asBoolean(fields["is_whole"]),
    reason: orNull(fields["reason"], asText),
    requestedAtMs: asCount(fields["requested_at_ms"]),
    startedAtMs: orNull(fields["started_at_ms"], asCount),
    updatedAtMs: asCount(fields["updated_at_ms"]),
  };
  if (!isComplete(state)) throw unreadable(what, "a field is missing or malformed");
  const { keyColumns, lastKey, again } = state;
  const keys = lastKey === null ? again : [...again, lastKey];
  if (keys.some((key) => key.length !== keyColumns.length)) {
    throw unreadable(what, "a key has more or fewer values than there are key columns");
  }
  return state;
}

/** Encodes the value of the record for handled requests. @param taken as in `SnapshotNotes` */
export function encodeRequestsTaken(taken: bigint): Uint8Array {
  return utf8(JSON.stringify({ version: VERSION, taken: String(taken) }));
}

/** @throws CaptureError `position-conflict` as `decodeSnapshotState` does */
export function decodeRequestsTaken(value: Uint8Array): bigint {
  const taken = asText(fieldsOf(REQUESTS_TAKEN, value)["taken"]);
  if (taken === undefined || !/^\d{1,18}$/.test(taken)) {
    throw unreadable(REQUESTS_TAKEN, "a field is missing or malformed");
  }
  return BigInt(taken);
}

/** Encodes the value of the record that tells whether transactions not yet visible are streamed again. */
export function encodeHoldsUnshown(holds: boolean): Uint8Array {
  return utf8(JSON.stringify({ version: VERSION, holds }));
}

/** @throws CaptureError `position-conflict` as `decodeSnapshotState` does */
export function decodeHoldsUnshown(value: Uint8Array): boolean {
  const { holds } = fieldsOf(HOLDS_UNSHOWN, value);
  if (typeof holds !== "boolean") throw unreadable(HOLDS_UNSHOWN, "a field is missing or malformed");
  return holds;
}

/** The name of the record in messages. */
export function describeSnapshotKey(key: SnapshotKey): string {
  switch (key.kind) {
    case "state":
      return `the state of the snapshot of ${tableText(key)}`;
    case "requests-taken":
      return REQUESTS_TAKEN;
    case "holds-unshown":
      return HOLDS_UNSHOWN;
  }
}

const HOLDS_UNSHOWN = "the record that says whether what is not visible is streamed again";
const REQUESTS_TAKEN = "the number of snapshot requests that are taken";

function fieldsOf(what: string, value: Uint8Array): Readonly<Record<string, unknown>> {
  const fields = parseJsonObject(value);
  if (fields === null) throw unreadable(what, "it is not a JSON object");
  const version = fields["version"];
  if (version === VERSION) return fields;
  const found = typeof version === "number" ? version : "missing or malformed";
  throw unreadable(what, `its version is ${found}, this program writes ${VERSION}`);
}

function unreadable(what: string, found: string): CaptureError {
  return new CaptureError("position-conflict", `Cannot read ${what} in Kafka: ${found}`, {
    hint: WRITER_HINT,
  });
}

const STATUSES: readonly SnapshotStatus[] = ["queued", "running", "paused", "complete", "stopped", "failed"];

function asStatus(value: unknown): SnapshotStatus | undefined {
  return STATUSES.find((status) => status === value);
}

function asBoolean(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function asKeys(value: unknown): readonly (readonly string[])[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const keys = value.map(asTexts);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

type Unchecked<Fields> = { readonly [Name in keyof Fields]: Fields[Name] | undefined };

function isComplete(state: Unchecked<SnapshotState>): state is SnapshotState {
  return Object.values(state).every((value) => value !== undefined);
}
