// Writes the native envelopes of one table: the hot path of the decoder.

import type { PgType } from "../../../core/pg_type.ts";
import { utf8 } from "../../../core/utf8.ts";
import type { Change, ChangeKey } from "../../change.ts";
import { malformedMessage } from "../../pgoutput/malformed_message.ts";
import { NULL_COLUMN, type TupleColumns, UNCHANGED_COLUMN } from "../../pgoutput/tuple.ts";
import type { KeyColumns, Table } from "../../table.ts";
import type { ByteWriter } from "../byte_writer.ts";
import type { TableEncoder } from "../format.ts";
import { copyBytes } from "../json/copy.ts";
import { writeDecimal, writeLsn } from "../json/digits.ts";
import { compileNativeTable, type NativeTable } from "./native_table.ts";

const BEFORE = utf8(',"before":');
const AFTER = utf8(',"after":');
const BEFORE_NULL_AFTER = utf8(',"before":null,"after":');
const NULL = utf8("null");
const UNCHANGED = utf8(',"unchanged":[');
const KEY_CHANGE = utf8(',"key_change":true');
const END = utf8("}}");
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_CLOSE = 0x5d;
const COMMA = 0x2c;

/** The format's buffer for the current record, and the parts that all records of a transaction share. */
export interface NativeBuffer {
  readonly out: ByteWriter;
  /** `ts_ms`, in digits. */
  readonly now: ByteWriter;
  readonly sourceBegin: Uint8Array;
  readonly sourceMiddle: Uint8Array;
  /** Grows with each transaction. */
  readonly transactions: number;
  keyEnd: number;
  valueEnd: number;
  /** Starts a record. */
  begin(): void;
}

/** Encodes into the format's buffer. */
export class NativeTableEncoder implements TableEncoder {
  readonly #format: NativeBuffer;
  readonly #table: NativeTable;
  readonly #key: KeyColumns | null;
  #source: Uint8Array = new Uint8Array(0);
  #sourceOf = -1;

  constructor(format: NativeBuffer, table: Table, types: readonly PgType[], mayBeOlder: boolean) {
    this.#format = format;
    this.#table = compileNativeTable(table, types, mayBeOlder);
    this.#key = table.key;
  }

  encode(change: Change): boolean {
    const format = this.#format;
    format.begin();
    if (change.key.columns !== null) this.#writeKey(change.key, change.key.columns, change.bytes);
    const { out, now } = format;
    out.append(this.#table.heads.get(change.operation)!);
    out.ensure(now.length);
    for (let index = 0; index < now.length; index++) out.bytes[out.length++] = now.bytes[index]!;
    if (change.before === null) {
      out.append(BEFORE_NULL_AFTER);
    } else {
      out.append(BEFORE);
      this.#writeRow(change.bytes, change.before, null, change.beforeIsKey);
      out.append(AFTER);
    }
    const missing = change.after === null
      ? 0
      : this.#writeRow(change.bytes, change.after, change.fill, false);
    if (change.after === null) out.append(NULL);
    if (this.#sourceOf !== format.transactions) this.#prepareSource();
    out.append(this.#source);
    writeLsn(out, change.walStartHigh, change.walStartLow);
    out.append(format.sourceMiddle);
    writeDecimal(out, change.seq);
    if (change.isKeyChange) out.append(KEY_CHANGE);
    if (missing > 0) this.#writeUnchanged(change.after!, change.fill);
    out.append(END);
    format.valueEnd = out.length;
    return change.operation === "DELETE" && change.key.columns !== null;
  }

  #writeKey({ row, fill }: ChangeKey, columns: KeyColumns, bytes: Uint8Array): void {
    const { keyPrefixes, identityPrefixes } = this.#table;
    const prefixes = columns === this.#key ? keyPrefixes : identityPrefixes;
    const { out } = this.#format;
    for (let index = 0; index < columns.length; index++) {
      out.append(prefixes[index]!);
      this.#writeColumn(columns[index]!, bytes, row, fill);
    }
    out.byte(BRACE_CLOSE);
    this.#format.keyEnd = out.length;
  }

  /** Prepares the start of `source`, which is the same for all rows of a table in a transaction. */
  #prepareSource(): void {
    const { sourceBegin, transactions } = this.#format;
    const { source } = this.#table;
    this.#source = new Uint8Array(sourceBegin.length + source.length);
    this.#source.set(sourceBegin);
    this.#source.set(source, sourceBegin.length);
    this.#sourceOf = transactions;
  }

  /** @returns how many columns were left out because PostgreSQL did not send their unchanged values */
  #writeRow(
    bytes: Uint8Array,
    columns: TupleColumns,
    fill: TupleColumns | null,
    identityOnly: boolean,
  ): number {
    const { out } = this.#format;
    const { identity, namePrefixes } = this.#table;
    const begin = out.length;
    let missing = 0;
    for (let column = 0; column < columns.count; column++) {
      if (identityOnly && !identity[column]) continue;
      if (columns.starts[column] === UNCHANGED_COLUMN && !isSent(fill, column)) {
        missing++;
        continue;
      }
      out.append(namePrefixes[column]!);
      this.#writeColumn(column, bytes, columns, fill);
    }
    // Each column is written with a comma before it. The first comma becomes the brace.
    if (out.length === begin) out.byte(BRACE_OPEN);
    else out.bytes[begin] = BRACE_OPEN;
    out.byte(BRACE_CLOSE);
    return missing;
  }

  #writeColumn(column: number, bytes: Uint8Array, columns: TupleColumns, fill: TupleColumns | null): void {
    let from = columns;
    let start = from.starts[column]!;
    if (start === UNCHANGED_COLUMN && fill !== null) {
      from = fill;
      start = from.starts[column]!;
    }
    if (start >= 0) this.#table.writers[column]!(bytes, start, from.ends[column]!, this.#format.out);
    else if (start === NULL_COLUMN) this.#format.out.append(NULL);
    else throw malformedMessage(0, 0, "a key column's value was not sent");
  }

  #writeUnchanged(columns: TupleColumns, fill: TupleColumns | null): void {
    const { out } = this.#format;
    out.append(UNCHANGED);
    let first = true;
    for (let column = 0; column < columns.count; column++) {
      if (columns.starts[column] !== UNCHANGED_COLUMN || isSent(fill, column)) continue;
      if (!first) out.byte(COMMA);
      first = false;
      const prefix = this.#table.namePrefixes[column]!;
      copyBytes(prefix, 1, prefix.length - 1, out);
    }
    out.byte(BRACKET_CLOSE);
  }
}

function isSent(fill: TupleColumns | null, column: number): boolean {
  return fill !== null && fill.starts[column] !== UNCHANGED_COLUMN;
}
