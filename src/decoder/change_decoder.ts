// Turns the messages of the stream into records: which transaction, which relation, which envelopes.

import { CaptureError, unreachable } from "../errors.ts";
import type { Lsn } from "../pipeline/position.ts";
import { isKeyChanged } from "./change_key.ts";
import { EnvelopeEncoder, EnvelopeRows } from "./envelope.ts";
import { located, malformed } from "./errors.ts";
import { KnownDisorder, LsnChecks } from "./lsn_checks.ts";
import type { MessageBytes } from "./message_bytes.ts";
import { type LogicalMessage, readMessage, type Relation, RowChange } from "./pgoutput.ts";
import { compileRelation, type Operation, type RelationPlan, withTypes } from "./relation_plan.ts";
import { RecordNumbers } from "./record_numbers.ts";
import { RelationPlans } from "./relation_plans.ts";
import { RowRecords } from "./row_records.ts";
import { writeLogicalMessage, writePointer } from "./text_records.ts";
import type { TupleColumns } from "./tuple.ts";
import type { TypeInfo } from "./type_info.ts";

/**
 * What a message was:
 * - `begin`, `commit`: the transaction's borders; `commitLsn` and `endLsn` are set.
 * - `relation`: `pendingRelation` is to be described with `defineRelation` before the next message.
 * - `change`: `nextRecord` gives its records.
 * - `none`: nothing follows from it.
 */
export type Decoded = "begin" | "commit" | "relation" | "change" | "none";

/** The record's place: a table's topic, or the one of logical messages. */
export type RecordTarget = RelationPlan | "message";

export interface DecoderOptions {
  /** The program's version, for `source.version`. */
  readonly version: string;
  readonly database: string;
  /** Whether a delete is followed by a record with the same key and a null value. */
  readonly tombstones: boolean;
  /** Kept from stream to stream; absent: nothing is known. */
  readonly disorder?: KnownDisorder;
}

type Step =
  | "row"
  | "delete-of-key-change"
  | "insert-of-key-change"
  | "truncate"
  | "message"
  | "done";

/** Decodes one stream. Pure: it takes bytes and the time, and gives bytes. */
export class ChangeDecoder {
  /** The current transaction's commit LSN: of all its changes the identity, together with `seq`. */
  commitLsn: Lsn = 0n;
  commitTimeMs = 0;
  /** The current record's number in its transaction (`RecordNumbers`); 0 before a transaction's first. */
  seq = 0;
  /** The last commit's end. */
  endLsn: Lsn = 0n;
  inTransaction = false;
  pendingRelation: Relation | undefined;
  target: RecordTarget = "message";
  /** What the current record says in `op`. */
  operation: Operation = "MESSAGE";
  /** Whether the current record is to be followed by a tombstone: its key with a null value. */
  tombstone = false;

  readonly record: EnvelopeEncoder;
  readonly #tombstones: boolean;
  readonly #relations = new RelationPlans();
  readonly #change = new RowChange();
  readonly #rows: RowRecords;
  #message: MessageBytes = { bytes: new Uint8Array(0), start: 0, end: 0, walStartHigh: 0, walStartLow: 0 };
  #next: Step = "done";
  /** The step that gave the current record, or failed. */
  #taken: Step = "done";
  #plan: RelationPlan | undefined;
  #truncated: readonly number[] = [];
  #truncatedAt = 0;
  readonly #numbers = new RecordNumbers();
  readonly #checks: LsnChecks;
  /** The first of the numbers that the current message takes. */
  #firstSeq = 0;
  #logicalMessage: LogicalMessage | undefined;
  #nowMs = 0;

  constructor(options: DecoderOptions) {
    this.record = new EnvelopeEncoder(options.version, options.database);
    this.#rows = new RowRecords(this.record);
    this.#tombstones = options.tombstones;
    this.#checks = new LsnChecks(options.disorder ?? new KnownDisorder());
  }

  /** The time that records are stamped with from now on, in milliseconds since 1970. */
  setNow(nowMs: number): void {
    if (nowMs === this.#nowMs) return;
    this.#nowMs = nowMs;
    this.record.setNow(nowMs);
  }

  /**
   * Reads one message. The bytes must stay as they are until its last record was taken.
   * @throws CaptureError `decoding`
   */
  decode(message: MessageBytes): Decoded {
    this.#message = message;
    try {
      return this.#decode(message);
    } catch (error) {
      throw this.#located(error);
    }
  }

  #decode(message: MessageBytes): Decoded {
    const decoded = readMessage(message.bytes, message.start, message.end, this.#change);
    switch (decoded.kind) {
      case "row":
        this.#beginRow();
        return "change";
      case "begin":
        this.#checks.begin(decoded.commitLsn);
        this.#numbers.beginTransaction(decoded.commitLsn);
        this.inTransaction = true;
        this.commitLsn = decoded.commitLsn;
        this.commitTimeMs = decoded.commitTimeMs;
        this.seq = 0;
        this.record.setTransaction(decoded);
        if (this.#relations.beginTransaction(decoded.commitLsn)) this.#plan = undefined;
        return "begin";
      case "commit":
        this.#checks.commit(decoded.commitLsn, decoded.endLsn, message);
        this.inTransaction = false;
        this.endLsn = decoded.endLsn;
        return "commit";
      case "relation":
        this.pendingRelation = decoded.relation;
        return "relation";
      case "truncate":
        this.#truncated = decoded.relationIds;
        this.#truncatedAt = 0;
        this.#takeNumbers(decoded.relationIds.length);
        this.#next = "truncate";
        return "change";
      case "message":
        return this.#beginMessage(decoded);
      case "origin":
      case "type":
        return "none";
    }
  }

  /**
   * Describes the relation that `decode` reported.
   * @param primaryKey as for `compileRelation`
   * @param types of each column, in the relation's order
   */
  defineRelation(primaryKey: readonly string[] | null | undefined, types: readonly TypeInfo[]): RelationPlan {
    const relation = this.pendingRelation;
    if (relation === undefined) throw new Error("no relation is pending");
    const plan = compileRelation(relation, primaryKey, types);
    this.#relations.define(plan);
    this.pendingRelation = undefined;
    this.#plan = undefined;
    return plan;
  }

  /** Encodes the message's next record into `record`, and sets `target` and `seq`; false when there is no more. */
  nextRecord(): boolean {
    try {
      return this.#nextRecord();
    } catch (error) {
      throw this.#located(error);
    }
  }

  /** The relations that were described. */
  get relations(): readonly RelationPlan[] {
    return this.#relations.all;
  }

  /** Takes a relation's types as they are now, between two changes. @param types of each column, in its order */
  refreshRelation(plan: RelationPlan, types: readonly TypeInfo[]): void {
    this.#relations.define(withTypes(plan, types, false));
    this.#plan = undefined;
  }

  /**
   * After `nextRecord` threw a CompositeMismatch: takes the relation's types as they are now, and encodes the
   * record again with the next `nextRecord`.
   * @param types of each column, in the relation's order
   * @param asOf the end of the WAL when they were looked up: composite values of transactions up to it may be older
   */
  retypeRelation(types: readonly TypeInfo[], asOf: Lsn): void {
    this.#plan = this.target = this.#relations.retype(this.#plan!, types, this.commitLsn, asOf);
    this.#next = this.#taken;
  }

  /**
   * Puts a pointer in the place of the current record, which is too large: its key, and a value that tells whose
   * record it was and how large.
   * @param bytes the record's size
   */
  replaceWithPointer(bytes: number): void {
    const keyChange = this.#taken === "delete-of-key-change" || this.#taken === "insert-of-key-change";
    const { target, operation, seq } = this;
    const { walStartHigh, walStartLow } = this.#message;
    const place = { nowMs: this.#nowMs, walStartHigh, walStartLow, seq };
    writePointer(this.record, target === "message" ? null : target, operation, keyChange, bytes, place);
  }

  /** After `commit`: whether the transaction was read before with numbers that were wrong. */
  get wasMisread(): boolean {
    return this.#checks.wasMisread;
  }

  /** All that commits below `endLsn` has come. */
  ended(endLsn: Lsn): void {
    this.#checks.ended(endLsn);
  }

  /** Says where in the stream a message could not be decoded, and of which table. */
  #located(error: unknown): unknown {
    return located(error, this.#message, this.#plan);
  }

  #nextRecord(): boolean {
    this.tombstone = false;
    this.#taken = this.#next;
    switch (this.#next) {
      case "row":
        this.#encodeRow();
        return true;
      case "delete-of-key-change":
        this.#encodeDelete(true, this.#firstSeq);
        this.#next = "insert-of-key-change";
        return true;
      case "insert-of-key-change":
        this.#encodeNew("INSERT", true, this.#firstSeq + 1);
        this.#next = "done";
        return true;
      case "truncate":
        return this.#encodeTruncate();
      case "message":
        this.#encodeMessage();
        this.#next = "done";
        return true;
      case "done":
        return false;
      default:
        return unreachable(this.#next);
    }
  }

  #beginRow(): void {
    const change = this.#change;
    const plan = this.#plan?.id === change.relationId ? this.#plan : this.#relations.get(change.relationId);
    const message = this.#message;
    const tag = message.bytes[message.start]!;
    if (plan === undefined) throw malformed(tag, 1, `relation ${change.relationId} was not described`);
    if (!this.inTransaction) throw malformed(tag, 0, "it came outside of a transaction");
    this.#plan = this.target = plan;
    const count = plan.writers.length;
    if (change.operation !== "DELETE") this.#expectColumns(change.newColumns, count);
    if (change.old !== "none") this.#expectColumns(change.oldColumns, count);
    this.#takeNumbers(change.operation === "UPDATE" ? 2 : 1);
    this.#next =
      change.operation === "UPDATE" && change.old !== "none" && isKeyChanged(plan, change, message.bytes)
        ? "delete-of-key-change"
        : "row";
  }

  #takeNumbers(count: number): void {
    const { walStartHigh, walStartLow } = this.#message;
    this.#checks.change(walStartHigh, walStartLow);
    this.#firstSeq = this.#numbers.take(walStartHigh, walStartLow, count);
  }

  #expectColumns(columns: TupleColumns, count: number): void {
    if (columns.count === count) return;
    const { bytes, start } = this.#message;
    throw malformed(bytes[start]!, 5, `${columns.count} columns, where the relation has ${count}`);
  }

  #encodeRow(): void {
    this.#next = "done";
    const { operation } = this.#change;
    // Whether an UPDATE is one record or two depends on the key that is known. One record has the second number: what
    // was delivered as one never comes again as two, nor the other way round.
    if (operation === "DELETE") this.#encodeDelete(false, this.#firstSeq);
    else this.#encodeNew(operation, false, operation === "UPDATE" ? this.#firstSeq + 1 : this.#firstSeq);
  }

  #encodeDelete(keyChange: boolean, seq: number): void {
    this.operation = "DELETE";
    this.seq = seq;
    const hasKey = this.#rows.writeDelete(this.#plan!, this.#change, this.#message, keyChange, this.seq);
    this.tombstone = this.#tombstones && hasKey;
  }

  /** An INSERT or UPDATE; of a changed key, the INSERT under the new one. */
  #encodeNew(operation: "INSERT" | "UPDATE", keyChange: boolean, seq: number): void {
    this.operation = operation;
    this.seq = seq;
    this.#rows.writeNew(this.#plan!, operation, this.#change, this.#message, keyChange, this.seq);
  }

  #encodeTruncate(): boolean {
    const seq = this.#firstSeq + this.#truncatedAt;
    const relationId = this.#truncated[this.#truncatedAt++];
    if (relationId === undefined) {
      this.#next = "done";
      return false;
    }
    const plan = this.#relations.get(relationId);
    const { bytes, start, walStartHigh, walStartLow } = this.#message;
    if (plan === undefined) throw malformed(bytes[start]!, 6, `relation ${relationId} was not described`);
    this.target = plan;
    this.operation = "TRUNCATE";
    this.seq = seq;
    this.record.writeKey(plan, null, bytes, this.#change.newColumns, null);
    this.record.writeRow(plan, "TRUNCATE", bytes, NO_ROWS, walStartHigh, walStartLow, this.seq);
    return true;
  }

  #beginMessage(message: LogicalMessage): Decoded {
    this.#checks.logicalMessage(message.lsn, message.transactional, this.#message);
    this.#logicalMessage = message;
    this.#next = "message";
    if (!message.transactional) {
      // It comes when it is read, between transactions, and its own LSN is ordered among their commit LSNs.
      if (this.inTransaction) {
        throw new CaptureError(
          "decoding",
          "Cannot decode a non-transactional message inside of a transaction",
        );
      }
      this.commitLsn = message.lsn;
      this.commitTimeMs = this.#nowMs;
      // Its LSN is its record's end, where a transaction's commit record may begin: changes there count from 1.
      this.seq = this.#firstSeq = 0;
      this.record.setTransaction({ commitLsn: message.lsn, commitTimeMs: this.#nowMs, xid: 0 });
      return "change";
    }
    // The end of its WAL record may be the beginning of a change's: its last byte is its own.
    const lastByte = message.lsn - 1n;
    this.#firstSeq = this.#numbers.take(Number(lastByte >> 32n), Number(lastByte & 0xffff_ffffn), 1);
    return "change";
  }

  #encodeMessage(): void {
    const { bytes, walStartHigh, walStartLow } = this.#message;
    this.target = "message";
    this.operation = "MESSAGE";
    this.seq = this.#firstSeq;
    const place = { nowMs: this.#nowMs, walStartHigh, walStartLow, seq: this.seq };
    writeLogicalMessage(this.record, this.#logicalMessage!, bytes, place);
  }
}

const NO_ROWS = new EnvelopeRows();
