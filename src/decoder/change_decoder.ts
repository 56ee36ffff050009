// Turns the messages of a replication stream into records.

import type { EncodedRecord } from "../core/encoded_record.ts";
import { CaptureError, unreachable } from "../core/errors.ts";
import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import { Change, type Operation } from "./change.ts";
import { isKeyChanged } from "./change_key.ts";
import type { DeadLetter, RecordFormat } from "./formats/format.ts";
import { KnownDisorder, LsnChecks } from "./pgoutput/lsn_checks.ts";
import { located } from "./located.ts";
import { malformedMessage } from "./pgoutput/malformed_message.ts";
import type { MessageBytes } from "./pgoutput/message_bytes.ts";
import { type LogicalMessage, readMessage, type Relation, RowChange } from "./pgoutput/messages.ts";
import { RecordNumbers } from "./pgoutput/record_numbers.ts";
import type { TupleColumns } from "./pgoutput/tuple.ts";
import { becomeDelete, becomeNew } from "./row_changes.ts";
import type { Description } from "./description.ts";
import type { Overflow } from "./overflow.ts";
import { type Table, tableOf } from "./table.ts";
import { type DescribedTable, TableRegistry } from "./table_registry.ts";

/**
 * The kind of a message:
 * - `begin`, `commit`: a transaction begins or ends; `commitLsn` and, at the end, `endLsn` are set.
 * - `relation`: call `defineRelation` for `pendingRelation` before the next message.
 * - `change`: call `nextRecord` until it returns false.
 * - `none`: there is nothing to do.
 */
export type Decoded = "begin" | "commit" | "relation" | "change" | "none";

/** Where a record goes: to the topic of a table, or to the topic of logical messages. */
export type RecordTarget = Table | "message";

export interface DecoderOptions {
  readonly format: RecordFormat;
  /**
   * Whether tombstones (the same key with a null value) follow the records for which the format wants them.
   */
  readonly tombstones: boolean;
  /** Which logical messages become records; absent: all. */
  readonly isMessageCaptured?: (prefix: string) => boolean;
  /** Shared by all streams of a process; absent if nothing is known. */
  readonly disorder?: KnownDisorder;
  /** Holds descriptions of tables that don't fit in memory; absent if there is only memory. */
  readonly overflow?: Overflow;
}

type Step =
  | "row"
  | "delete-of-key-change"
  | "insert-of-key-change"
  | "truncate"
  | "message"
  | "done";

/** Decodes one stream. Apart from the overflow it is pure: it takes bytes and the time, and returns bytes. */
export class ChangeDecoder {
  /** The commit LSN of the current transaction. Together with `seq` it identifies a record. */
  commitLsn: Lsn = 0n;
  commitTimeMs = 0;
  xid = 0;
  /** The `tx_seq` of the current record (`RecordNumbers`); 0 before the first record of a transaction. */
  seq = 0;
  /** The end LSN of the last commit. */
  endLsn: Lsn = 0n;
  inTransaction = false;
  pendingRelation: Relation | undefined;
  target: RecordTarget = "message";
  /** The operation of the current record. */
  operation: Operation = "MESSAGE";
  /** Whether a tombstone must follow the current record. */
  tombstone = false;

  readonly #format: RecordFormat;
  readonly #tombstones: boolean;
  readonly #isMessageCaptured: (prefix: string) => boolean;
  readonly #tables: TableRegistry;
  readonly #row = new RowChange();
  readonly #change = new Change();
  #message: MessageBytes = { bytes: new Uint8Array(0), start: 0, end: 0, walStartHigh: 0, walStartLow: 0 };
  #next: Step = "done";
  /** The step that produced the current record or threw. */
  #taken: Step = "done";
  #described: DescribedTable | undefined;
  #truncated: readonly number[] = [];
  #truncatedAt = 0;
  readonly #numbers = new RecordNumbers();
  readonly #checks: LsnChecks;
  /** The first `tx_seq` of the current message. */
  #firstSeq = 0;
  #isRow = false;
  #isTruncate = false;
  #logicalMessage: LogicalMessage | undefined;
  #nowMs = 0;

  constructor(options: DecoderOptions) {
    this.#format = options.format;
    this.#tombstones = options.tombstones;
    this.#isMessageCaptured = options.isMessageCaptured ?? (() => true);
    this.#tables = new TableRegistry(options.format, options.overflow);
    this.#checks = new LsnChecks(options.disorder ?? new KnownDisorder());
  }

  /** The record that `nextRecord` encoded. */
  get record(): EncodedRecord {
    return this.#format.record;
  }

  /** The row change of the current message; null if it is something else. */
  get row(): RowChange | null {
    return this.#isRow ? this.#row : null;
  }

  /** The relations that the current message truncates; null if it is something else. */
  get truncated(): readonly number[] | null {
    return this.#isTruncate ? this.#truncated : null;
  }

  /** Sets the timestamp of the following records, in milliseconds since 1970. */
  setNow(nowMs: number): void {
    if (nowMs === this.#nowMs) return;
    this.#nowMs = nowMs;
    this.#format.setNow(nowMs);
  }

  /**
   * Reads one message. Its bytes must not change until `nextRecord` has returned false.
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
    const decoded = readMessage(message.bytes, message.start, message.end, this.#row);
    this.#isRow = decoded.kind === "row";
    this.#isTruncate = decoded.kind === "truncate";
    switch (decoded.kind) {
      case "row":
        this.#beginRow();
        return "change";
      case "begin":
        this.#checks.begin(decoded.commitLsn);
        this.#numbers.beginTransaction(decoded.commitLsn);
        this.inTransaction = true;
        this.commitLsn = decoded.commitLsn;
        this.commitTimeMs = Math.floor(decoded.commitTimeUs / 1000);
        this.xid = decoded.xid;
        this.seq = 0;
        this.#format.beginTransaction(decoded);
        if (this.#tables.beginTransaction(decoded.commitLsn)) this.#described = undefined;
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
   * Defines `pendingRelation`.
   * @param primaryKey as for `tableOf`
   * @param types of each column, in the relation's order
   */
  defineRelation(primaryKey: readonly string[] | null | undefined, types: readonly PgType[]): Table {
    const relation = this.pendingRelation;
    if (relation === undefined) throw new Error("no relation is pending");
    this.#tables.define({ relation, primaryKey, types });
    this.pendingRelation = undefined;
    this.#described = undefined;
    return tableOf(relation, primaryKey);
  }

  /**
   * Encodes the next record of the message into `record` and sets `target` and `seq`.
   * @returns false if there is none
   */
  nextRecord(): boolean {
    try {
      return this.#nextRecord();
    } catch (error) {
      throw this.#located(error);
    }
  }

  /** The described tables, one at a time, because together they may not fit in memory. */
  tables(): Iterable<Table> {
    return this.#tables.all();
  }

  /**
   * The table of a relation; undefined if it was not described. The object stays the same until the table is
   * described again or evicted.
   */
  table(relationId: number): Table | undefined {
    return this.#tables.get(relationId)?.table;
  }

  isDescribed(relationId: number): boolean {
    return this.#tables.has(relationId);
  }

  /** The description of a relation; undefined if it was not described. */
  describe(relationId: number): Description | undefined {
    return this.#tables.describe(relationId);
  }

  /** Replaces the types of a table, between two changes. @param types of each column, in the table's order */
  refreshTable(table: Table, types: readonly PgType[]): void {
    this.#tables.refresh(table.id, types);
    this.#described = undefined;
  }

  /**
   * Replaces the types of the current table after `nextRecord` threw a CompositeMismatch. The next
   * `nextRecord` encodes the same record again.
   * @param types of each column, in the table's order
   * @param asOf the end of WAL when they were looked up. Transactions that commit up to there may contain
   *   values older than the types
   */
  retypeTable(types: readonly PgType[], asOf: Lsn): void {
    this.#described = this.#tables.retype(this.#described!.table.id, types, this.commitLsn, asOf);
    this.#next = this.#taken;
  }

  /**
   * Replaces the current record, which can't be sent, with a pointer: the same key, and a value that
   * describes the record and tells why it can't be sent.
   */
  replaceWithPointer(found: DeadLetter): void {
    const { target, operation, seq } = this;
    const { walStartHigh, walStartLow } = this.#message;
    this.#format.encodePointer({
      table: target === "message" ? null : target,
      operation,
      isKeyChange: this.#taken === "delete-of-key-change" || this.#taken === "insert-of-key-change",
      bytes: found.bytes,
      reason: found.reason,
      walStartHigh,
      walStartLow,
      seq,
    });
  }

  /** After `commit`: whether the transaction was previously read with wrong values of `tx_seq`. */
  get wasMisread(): boolean {
    return this.#checks.wasMisread;
  }

  /** Reports that everything that commits below `endLsn` has been read. */
  ended(endLsn: Lsn): void {
    this.#checks.ended(endLsn);
  }

  #located(error: unknown): unknown {
    return located(error, this.#message, this.#described?.table);
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
    const row = this.#row;
    const message = this.#message;
    const described = this.#described?.table.id === row.relationId
      ? this.#described
      : this.#tables.get(row.relationId);
    const tag = message.bytes[message.start]!;
    if (described === undefined) {
      throw malformedMessage(tag, 1, `relation ${row.relationId} was not described`);
    }
    if (!this.inTransaction) throw malformedMessage(tag, 0, "it came outside of a transaction");
    const { table } = described;
    this.#described = described;
    this.target = table;
    const count = table.columns.length;
    if (row.operation !== "DELETE") this.#expectColumns(row.newColumns, count);
    if (row.old !== "none") this.#expectColumns(row.oldColumns, count);
    this.#takeNumbers(row.operation === "UPDATE" ? 2 : 1);
    this.#next = row.operation === "UPDATE" && row.old !== "none" && isKeyChanged(table, row, message.bytes)
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
    throw malformedMessage(bytes[start]!, 5, `${columns.count} columns, where the relation has ${count}`);
  }

  #encodeRow(): void {
    this.#next = "done";
    const { operation } = this.#row;
    // An UPDATE is one record, or two if it changes the known key, which may differ when the WAL is
    // read again. A single record takes the second number, so that a delivered one is never repeated as
    // two.
    if (operation === "DELETE") this.#encodeDelete(false, this.#firstSeq);
    else this.#encodeNew(operation, false, operation === "UPDATE" ? this.#firstSeq + 1 : this.#firstSeq);
  }

  #encodeDelete(isKeyChange: boolean, seq: number): void {
    const change = this.#change;
    becomeDelete(change, this.#described!.table, this.#row, isKeyChange);
    this.#encode(change, this.#described!, seq);
  }

  /** Encodes an INSERT or UPDATE. For a key change, it is the INSERT of the new key. */
  #encodeNew(operation: "INSERT" | "UPDATE", isKeyChange: boolean, seq: number): void {
    becomeNew(this.#change, operation, this.#described!.table, this.#row, isKeyChange);
    this.#encode(this.#change, this.#described!, seq);
  }

  #encodeTruncate(): boolean {
    const seq = this.#firstSeq + this.#truncatedAt;
    const relationId = this.#truncated[this.#truncatedAt++];
    if (relationId === undefined) {
      this.#next = "done";
      return false;
    }
    const described = this.#tables.get(relationId);
    const { bytes, start } = this.#message;
    if (described === undefined) {
      throw malformedMessage(bytes[start]!, 6, `relation ${relationId} was not described`);
    }
    this.target = described.table;
    this.#change.truncate();
    this.#encode(this.#change, described, seq);
    return true;
  }

  #encode(change: Change, { encoder }: DescribedTable, seq: number): void {
    const { bytes, walStartHigh, walStartLow } = this.#message;
    this.operation = change.operation;
    this.seq = change.seq = seq;
    change.bytes = bytes;
    change.walStartHigh = walStartHigh;
    change.walStartLow = walStartLow;
    this.tombstone = encoder.encode(change) && this.#tombstones;
  }

  #beginMessage(message: LogicalMessage): Decoded {
    this.#checks.logicalMessage(message.lsn, message.transactional, this.#message);
    if (!this.#isMessageCaptured(message.prefix)) return "none";
    this.#logicalMessage = message;
    this.#next = "message";
    if (!message.transactional) {
      // PostgreSQL sends it as soon as it reads it, between transactions. Its LSN is in order with their
      // commit LSNs.
      if (this.inTransaction) {
        throw new CaptureError(
          "decoding",
          "Cannot decode a non-transactional message inside a transaction",
        );
      }
      this.commitLsn = message.lsn;
      this.commitTimeMs = this.#nowMs;
      // Its LSN is the end of its WAL record, where a commit record may begin. The changes of that
      // transaction have the same commit LSN, and numbers from 1.
      this.seq = this.#firstSeq = 0;
      this.#format.beginTransaction({ commitLsn: message.lsn, commitTimeUs: this.#nowMs * 1000, xid: 0 });
      return "change";
    }
    // Its LSN is the end of its WAL record, where the record of a change may begin. Only its last byte is its
    // own.
    const lastByte = message.lsn - 1n;
    this.#firstSeq = this.#numbers.take(Number(lastByte >> 32n), Number(lastByte & 0xffff_ffffn), 1);
    return "change";
  }

  #encodeMessage(): void {
    const { bytes, walStartHigh, walStartLow } = this.#message;
    this.target = "message";
    this.operation = "MESSAGE";
    this.seq = this.#firstSeq;
    this.#format.encodeMessage(this.#logicalMessage!, bytes, { walStartHigh, walStartLow, seq: this.seq });
  }
}
