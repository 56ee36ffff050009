// Reads pgoutput messages, protocol version 1 (PostgreSQL manual, "Logical Replication Message Formats").

import { type Lsn, lsnOf } from "../../core/position.ts";
import { malformedMessage } from "./malformed_message.ts";
import { TupleColumns } from "./tuple.ts";

/** A column of a Relation message. */
export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  /** Whether it is part of the replica identity. With REPLICA IDENTITY FULL every column is. */
  readonly isIdentity: boolean;
}

/** `pg_class.relreplident`. */
export type ReplicaIdentity = "default" | "nothing" | "full" | "index";

/** A Relation message: the columns of the rows that follow. */
export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  readonly replicaIdentity: ReplicaIdentity;
  readonly columns: readonly RelationColumn[];
}

/** One message. The columns of a row are stored in the `RowChange` passed to `readMessage` instead. */
export type PgoutputMessage =
  | { readonly kind: "begin"; readonly commitLsn: Lsn; readonly commitTimeUs: number; readonly xid: number }
  | { readonly kind: "commit"; readonly commitLsn: Lsn; readonly endLsn: Lsn }
  | { readonly kind: "relation"; readonly relation: Relation }
  | { readonly kind: "row" }
  | { readonly kind: "truncate"; readonly relationIds: readonly number[] }
  | LogicalMessage
  | { readonly kind: "origin" }
  | { readonly kind: "type" };

/** A message of pg_logical_emit_message. */
export interface LogicalMessage {
  readonly kind: "message";
  readonly transactional: boolean;
  readonly lsn: Lsn;
  readonly prefix: string;
  readonly contentStart: number;
  readonly contentEnd: number;
}

/** The kind of a row message. */
export type RowOperation = "INSERT" | "UPDATE" | "DELETE";

/** An Insert, Update or Delete message, as positions in its bytes. The object is reused for each. */
export class RowChange {
  operation: RowOperation = "INSERT";
  relationId = 0;
  /** How much of the old row was sent: nothing, the columns of the replica identity, or all of it. */
  old: "none" | "key" | "full" = "none";
  readonly oldColumns = new TupleColumns();
  readonly newColumns = new TupleColumns();
}

const ROW: PgoutputMessage = { kind: "row" };
const ORIGIN: PgoutputMessage = { kind: "origin" };
const TYPE: PgoutputMessage = { kind: "type" };
const POSTGRES_EPOCH_US = 946_684_800_000_000;
const TAG_RELATION = 0x52;
const TAG_INSERT = 0x49;
const TAG_UPDATE = 0x55;
const TAG_DELETE = 0x44;
const MARK_NEW = 0x4e;
const MARK_KEY = 0x4b;
const MARK_OLD = 0x4f;
const REPLICA_IDENTITIES: ReadonlyMap<number, ReplicaIdentity> = new Map([
  [0x64, "default"],
  [0x6e, "nothing"],
  [0x66, "full"],
  [0x69, "index"],
]);

/**
 * Reads the message at `bytes[start, end)`.
 * @param change receives a row change
 * @throws CaptureError `decoding`, and nothing else, for any bytes
 */
export function readMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  change: RowChange,
): PgoutputMessage {
  const tag = start < end ? bytes[start]! : 0;
  if (tag === TAG_INSERT || tag === TAG_UPDATE || tag === TAG_DELETE) {
    readRowChange(bytes, start, end, tag, change);
    return ROW;
  }
  const reader = new MessageReader(bytes, start, end);
  switch (String.fromCharCode(tag)) {
    case "B":
      return {
        kind: "begin",
        commitLsn: reader.uint64(),
        commitTimeUs: reader.timestampUs(),
        xid: reader.uint32(),
      };
    case "C": {
      reader.skip(1);
      return { kind: "commit", commitLsn: reader.uint64(), endLsn: reader.uint64() };
    }
    case "R":
      return { kind: "relation", relation: readRelation(reader) };
    case "T":
      return readTruncate(reader);
    case "M":
      return readLogicalMessage(reader);
    case "O":
      return ORIGIN;
    case "Y":
      return TYPE;
    default:
      throw malformedMessage(tag, 0, "there is no such message in protocol version 1");
  }
}

/** The relation, if there is a well-formed Relation message at `bytes[start, end)`; otherwise null. */
export function peekRelation(bytes: Uint8Array, start: number, end: number): Relation | null {
  if (bytes[start] !== TAG_RELATION) return null;
  try {
    return readRelation(new MessageReader(bytes, start, end));
  } catch {
    return null; // `readMessage` throws when it is its turn
  }
}

function readRowChange(bytes: Uint8Array, start: number, end: number, tag: number, change: RowChange): void {
  if (start + 6 > end) throw malformedMessage(tag, end - start, "the message is cut off");
  change.relationId = uint32At(bytes, start + 1);
  change.old = "none";
  let at = start + 5;
  let mark = bytes[at++]!;
  if (tag !== TAG_INSERT && (mark === MARK_KEY || mark === MARK_OLD)) {
    change.old = mark === MARK_KEY ? "key" : "full";
    at = change.oldColumns.read(bytes, at, end, tag, start);
    if (tag === TAG_DELETE) {
      change.operation = "DELETE";
      return;
    }
    mark = at < end ? bytes[at++]! : 0;
  }
  if (tag === TAG_DELETE || mark !== MARK_NEW) {
    throw malformedMessage(tag, at - 1 - start, `a row is marked ${mark}`);
  }
  change.operation = tag === TAG_INSERT ? "INSERT" : "UPDATE";
  change.newColumns.read(bytes, at, end, tag, start);
}

function readRelation(reader: MessageReader): Relation {
  const id = reader.uint32();
  // An empty namespace means pg_catalog (proto.c, logicalrep_write_namespace).
  const schema = reader.text() || "pg_catalog";
  const table = reader.text();
  const identityByte = reader.uint8();
  const replicaIdentity = REPLICA_IDENTITIES.get(identityByte);
  if (replicaIdentity === undefined) throw reader.malformed(`a replica identity of ${identityByte}`);
  const columns: RelationColumn[] = [];
  for (let count = reader.uint16(); count > 0; count--) {
    const isIdentity = (reader.uint8() & 1) === 1;
    const name = reader.text();
    const typeOid = reader.uint32();
    reader.skip(4);
    columns.push({ name, typeOid, isIdentity });
  }
  return { id, schema, table, replicaIdentity, columns };
}

function readTruncate(reader: MessageReader): PgoutputMessage {
  const relationIds: number[] = [];
  const count = reader.uint32();
  reader.skip(1);
  for (let index = 0; index < count; index++) relationIds.push(reader.uint32());
  return { kind: "truncate", relationIds };
}

function readLogicalMessage(reader: MessageReader): LogicalMessage {
  const transactional = (reader.uint8() & 1) === 1;
  const lsn = reader.uint64();
  const prefix = reader.text();
  const length = reader.uint32();
  const contentStart = reader.at;
  reader.skip(length);
  return { kind: "message", transactional, lsn, prefix, contentStart, contentEnd: contentStart + length };
}

function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads fields in order and checks every bound. It is too slow for row messages. */
class MessageReader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.at = start + 1;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  uint32(): number {
    return uint32At(this.#bytes, this.#take(4));
  }

  uint64(): bigint {
    return lsnOf(this.uint32(), this.uint32());
  }

  /** A timestamp in microseconds since 2000, as microseconds since 1970: exact up to the year 2255. */
  timestampUs(): number {
    const high = this.uint32() | 0;
    return POSTGRES_EPOCH_US + high * 4_294_967_296 + this.uint32();
  }

  /** A null-terminated string. */
  text(): string {
    const zero = this.#bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.#end) throw this.malformed("a string has no end");
    const text = UTF8.decode(this.#bytes.subarray(this.at, zero));
    this.at = zero + 1;
    return text;
  }

  skip(count: number): void {
    this.#take(count);
  }

  malformed(what: string): Error {
    return malformedMessage(this.#bytes[this.#start] ?? 0, this.at - this.#start, what);
  }

  #take(count: number): number {
    if (count > this.#end - this.at) throw this.malformed("the message is cut off");
    const at = this.at;
    this.at += count;
    return at;
  }
}
