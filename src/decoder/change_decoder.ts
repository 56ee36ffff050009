// Turns the messages of the stream into records: which transaction, which table, which changes, numbered how.

import type { EncodedRecord } from "../core/encoded_record.ts";
import { CaptureError, unreachable } from "../core/errors.ts";
import type { PgType } from "../core/pg_type.ts";
import type { Lsn } from "../core/position.ts";
import { Change, type Operation } from "./change.ts";
import { isKeyChanged } from "./change_key.ts";
import type { DeadLetter, RecordFormat } from "./formats/format.ts";
import { KnownDisorder, LsnChecks } from "./pgoutput/lsn_checks.ts";
import { located, malformed } from "./pgoutput/malformed.ts";
import type { MessageBytes } from "./pgoutput/message_bytes.ts";
import { type LogicalMessage, readMessage, type Relation, RowChange } from "./pgoutput/messages.ts";
import { RecordNumbers } from "./pgoutput/record_numbers.ts";
import type { TupleColumns } from "./pgoutput/tuple.ts";
import { becomeDelete, becomeNew } from "./row_changes.ts";
import { type Table, tableOf } from "./table.ts";
import { type DescribedTable, TableRegistry } from "./table_registry.ts";

/**
 * What a message was:
 * - `begin`, `commit`: the transaction's borders; `commitLsn` and `endLsn` are set.
 * - `relation`: `pendingRelation` is to be described with `defineRelation` before the next message.
 * - `change`: `nextRecord` gives its records.
 * - `none`: nothing follows from it.
 */
export type Decoded = "begin" | "commit" | "relation" | "change" | "none";

/** The record's place: a table's topic, or the one of logical messages. */
export type RecordTarget = Table | "message";

export interface DecoderOptions {
  /** What records look like. */
  readonly format: RecordFormat;
  /** Whether a delete is followed by a record with the same key and a null value. */
  readonly tombstones: boolean;
  /** Which logical messages become records; absent: all. */
  readonly isMessageCaptured?: (prefix: string) => boolean;
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
  /** The current transaction's id. */
  xid = 0;
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

  readonly #format: RecordFormat;
  readonly #tombstones: boolean;
  readonly #isMessageCaptured: (prefix: string) => boolean;
  readonly #tables: TableRegistry;
  readonly #row = new RowChange();
  readonly #change = new Change();
  #message: MessageBytes = { bytes: new Uint8Array(0), start: 0, end: 0, walStartHigh: 0, walStartLow: 0 };
  #next: Step = "done";
  /** The step that gave the current record, or failed. */
  #taken: Step = "done";
  #described: DescribedTable | undefined;
  #truncated: readonly number[] = [];
  #truncatedAt = 0;
  readonly #numbers = new RecordNumbers();
  readonly #checks: LsnChecks;
  /** The first of the numbers that the current message takes. */
  #firstSeq = 0;
  #logicalMessage: LogicalMessage | undefined;
  #nowMs = 0;

  constructor(options: DecoderOptions) {
    this.#format = options.format;
    this.#tombstones = options.tombstones;
    this.#isMessageCaptured = options.isMessageCaptured ?? (() => true);
    this.#tables = new TableRegistry(options.format);
    this.#checks = new LsnChecks(options.disorder ?? new KnownDisorder());
  }

  /** The record that `nextRecord` encoded last. */
  get record(): EncodedRecord {
    return this.#format.record;
  }

  /** The time that records are stamped with from now on, in milliseconds since 1970. */
  setNow(nowMs: number): void {
    if (nowMs === this.#nowMs) return;
    this.#nowMs = nowMs;
    this.#format.setNow(nowMs);
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
    const decoded = readMessage(message.bytes, message.start, message.end, this.#row);
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
   * Describes the relation that `decode` reported.
   * @param primaryKey as for `tableOf`
   * @param types of each column, in the relation's order
   */
  defineRelation(primaryKey: readonly string[] | null | undefined, types: readonly PgType[]): Table {
    const relation = this.pendingRelation;
    if (relation === undefined) throw new Error("no relation is pending");
    const table = tableOf(relation, primaryKey);
    this.#tables.define(table, types);
    this.pendingRelation = undefined;
    this.#described = undefined;
    return table;
  }

  /** Encodes the message's next record into `record`, and sets `target` and `seq`; false when there is no more. */
  nextRecord(): boolean {
    try {
      return this.#nextRecord();
    } catch (error) {
      throw this.#located(error);
    }
  }

  /** The tables that were described. */
  get tables(): readonly Table[] {
    return this.#tables.all;
  }

  /** Takes a table's types as they are now, between two changes. @param types of each column, in its order */
  refreshTable(table: Table, types: readonly PgType[]): void {
    this.#tables.define(table, types);
    this.#described = undefined;
  }

  /**
   * After `nextRecord` threw a CompositeMismatch: takes the table's types as they are now, and encodes the
   * record again with the next `nextRecord`.
   * @param types of each column, in the table's order
   * @param asOf the end of the WAL when they were looked up: composite values of transactions up to it may be older
   */
  retypeTable(types: readonly PgType[], asOf: Lsn): void {
    this.#described = this.#tables.retype(this.#described!.table, types, this.commitLsn, asOf);
    this.#next = this.#taken;
  }

  /**
   * Puts a pointer in the place of the current record, which can't be sent: its key, and a value that tells whose
   * record it was, how large, and what is wrong.
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
    if (described === undefined) throw malformed(tag, 1, `relation ${row.relationId} was not described`);
    if (!this.inTransaction) throw malformed(tag, 0, "it came outside of a transaction");
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
    throw malformed(bytes[start]!, 5, `${columns.count} columns, where the relation has ${count}`);
  }

  #encodeRow(): void {
    this.#next = "done";
    const { operation } = this.#row;
    // Whether an UPDATE is one record or two depends on the key that is known. One record has the second number: what
    // was delivered as one never comes again as two, nor the other way round.
    if (operation === "DELETE") this.#encodeDelete(false, this.#firstSeq);
    else this.#encodeNew(operation, false, operation === "UPDATE" ? this.#firstSeq + 1 : this.#firstSeq);
  }

  #encodeDelete(isKeyChange: boolean, seq: number): void {
    const change = this.#change;
    becomeDelete(change, this.#described!.table, this.#row, isKeyChange);
    this.#encode(change, this.#described!, seq);
    this.tombstone = this.#tombstones && change.key !== null;
  }

  /** An INSERT or UPDATE; of a changed key, the INSERT under the new one. */
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
      throw malformed(bytes[start]!, 6, `relation ${relationId} was not described`);
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
    encoder.encode(change);
  }

  #beginMessage(message: LogicalMessage): Decoded {
    this.#checks.logicalMessage(message.lsn, message.transactional, this.#message);
    if (!this.#isMessageCaptured(message.prefix)) return "none";
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
      this.#format.beginTransaction({ commitLsn: message.lsn, commitTimeMs: this.#nowMs, xid: 0 });
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
    this.#format.encodeMessage(this.#logicalMessage!, bytes, { walStartHigh, walStartLow, seq: this.seq });
  }
}
