// Writes the native envelope (SPEC section 4) of one change: key and value, bytes to bytes.

import type { Lsn } from "../pipeline/position.ts";
import { formatLsn } from "../pipeline/position.ts";
import type { EncodedRecord } from "../pipeline/ports.ts";
import { ByteWriter } from "./byte_writer.ts";
import { writeDecimal, writeLsn } from "./digits.ts";
import { malformed } from "./errors.ts";
import { ascii, type KeyPlan, type Operation, quoted, type RelationPlan } from "./relation_plan.ts";
import { NULL_COLUMN, type TupleColumns, UNCHANGED_COLUMN } from "./tuple.ts";

/** The transaction that a change belongs to. */
export interface TransactionInfo {
  readonly commitLsn: Lsn;
  readonly commitTimeMs: number;
  readonly xid: number;
}

/** The rows of one envelope; used again for the next. Columns are positions in the message's bytes. */
export class EnvelopeRows {
  before: TupleColumns | null = null;
  /** Whether `before` holds the replica identity's columns only. */
  beforeKeyOnly = false;
  after: TupleColumns | null = null;
  /** Where unchanged TOASTed values of `after` are found; null where they were not sent. */
  fill: TupleColumns | null = null;
  keyChange = false;
}

// A buffer that one huge row has grown is given back.
const KEEP_BYTES_MAX = 1024 * 1024;
const BEFORE = ascii(',"before":');
const AFTER = ascii(',"after":');
const BEFORE_NULL_AFTER = ascii(',"before":null,"after":');
const NULL = ascii("null");
const UNCHANGED = ascii(',"unchanged":[');
const KEY_CHANGE = ascii(',"key_change":true');
const END = ascii("}}");
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_CLOSE = 0x5d;
const COMMA = 0x2c;

/** Encodes one record at a time into a buffer of its own. */
export class EnvelopeEncoder implements EncodedRecord {
  keyEnd = -1;
  valueEnd = -1;

  readonly #out = new ByteWriter();
  readonly #sourceHead: string;
  readonly #database: string;
  readonly #now = new ByteWriter();
  #sourceBegin: Uint8Array = new Uint8Array(0);
  #sourceMiddle: Uint8Array = new Uint8Array(0);
  #source: Uint8Array = new Uint8Array(0);
  #sourcePlan: RelationPlan | undefined;

  constructor(version: string, database: string) {
    this.#sourceHead = `,"source":{"version":${quoted(version)},"connector":"pg-capture","ts_ms":`;
    this.#database = quoted(database);
  }

  get bytes(): Uint8Array {
    return this.#out.bytes;
  }

  /** The time that the records are stamped with from now on, in milliseconds since 1970. */
  setNow(nowMs: number): void {
    this.#now.length = 0;
    writeDecimal(this.#now, nowMs);
  }

  /** The transaction that the records belong to from now on. */
  setTransaction(transaction: TransactionInfo): void {
    this.#sourceBegin = ascii(`${this.#sourceHead}${transaction.commitTimeMs},"db":${this.#database},`);
    this.#sourcePlan = undefined;
    this.#sourceMiddle = ascii(
      `","xid":${transaction.xid},"commit_lsn":"${formatLsn(transaction.commitLsn)}","tx_seq":`,
    );
  }

  /** Begins a record: its key from `columns`, or the null key. */
  writeKey(
    plan: RelationPlan,
    key: KeyPlan | null,
    source: Uint8Array,
    columns: TupleColumns,
    fill: TupleColumns | null,
  ): void {
    this.#out.reset(KEEP_BYTES_MAX);
    this.keyEnd = -1;
    if (key === null) return;
    const out = this.#out;
    for (let index = 0; index < key.columns.length; index++) {
      out.append(key.prefixes[index]!);
      this.#writeColumn(plan, key.columns[index]!, source, columns, fill);
    }
    out.byte(BRACE_CLOSE);
    this.keyEnd = out.length;
  }

  /** Goes on with the value; then the record is whole. */
  writeRow(
    plan: RelationPlan,
    operation: Operation,
    source: Uint8Array,
    rows: EnvelopeRows,
    walStartHigh: number,
    walStartLow: number,
    seq: number,
  ): void {
    const out = this.#out;
    out.append(plan.heads.get(operation)!);
    this.#appendNow();
    if (rows.before === null) {
      out.append(BEFORE_NULL_AFTER);
    } else {
      out.append(BEFORE);
      this.#writeTuple(plan, source, rows.before, null, rows.beforeKeyOnly);
      out.append(AFTER);
    }
    const missing = rows.after === null ? 0 : this.#writeTuple(plan, source, rows.after, rows.fill, false);
    if (rows.after === null) out.append(NULL);
    if (this.#sourcePlan !== plan) this.#prepareSource(plan);
    out.append(this.#source);
    writeLsn(out, walStartHigh, walStartLow);
    out.append(this.#sourceMiddle);
    writeDecimal(out, seq);
    if (rows.keyChange) out.append(KEY_CHANGE);
    if (missing > 0) this.#writeUnchanged(plan, rows.after!, rows.fill);
    out.append(END);
    this.valueEnd = out.length;
  }

  /** Writes a whole record from text, for what comes once a transaction at most. */
  writeText(key: string | null, value: string): void {
    this.#out.reset(KEEP_BYTES_MAX);
    if (key !== null) this.#out.append(ascii(key));
    this.keyEnd = key === null ? -1 : this.#out.length;
    this.#out.append(ascii(value));
    this.valueEnd = this.#out.length;
  }

  /** The current record's key, as JSON; null for none. */
  keyText(): string | null {
    return this.keyEnd < 0 ? null : new TextDecoder().decode(this.bytes.subarray(0, this.keyEnd));
  }

  /** `,"source":{...}}` of a record that is not a row's. @param schema, table as JSON */
  sourceText(
    schema: string,
    table: string,
    walStartHigh: number,
    walStartLow: number,
    seq: number,
    keyChange: boolean,
  ): string {
    const lsn = new ByteWriter();
    writeLsn(lsn, walStartHigh, walStartLow);
    const text = new TextDecoder();
    return `${text.decode(this.#sourceBegin)}"schema":${schema},"table":${table},"lsn":"` +
      `${text.decode(lsn.bytes.subarray(0, lsn.length))}${text.decode(this.#sourceMiddle)}${seq}` +
      `${keyChange ? ',"key_change":true' : ""}}}`;
  }

  /** What `source` begins with is the same for all rows of a relation in a transaction. */
  #prepareSource(plan: RelationPlan): void {
    this.#source = new Uint8Array(this.#sourceBegin.length + plan.source.length);
    this.#source.set(this.#sourceBegin);
    this.#source.set(plan.source, this.#sourceBegin.length);
    this.#sourcePlan = plan;
  }

  #appendNow(): void {
    const now = this.#now;
    const out = this.#out;
    out.ensure(now.length);
    for (let index = 0; index < now.length; index++) out.bytes[out.length++] = now.bytes[index]!;
  }

  /** @returns how many columns were left out because their unchanged values did not come */
  #writeTuple(
    plan: RelationPlan,
    source: Uint8Array,
    columns: TupleColumns,
    fill: TupleColumns | null,
    identityOnly: boolean,
  ): number {
    const out = this.#out;
    const begin = out.length;
    let missing = 0;
    for (let column = 0; column < columns.count; column++) {
      if (identityOnly && !plan.identity[column]) continue;
      if (columns.starts[column] === UNCHANGED_COLUMN && !isSent(fill, column)) {
        missing++;
        continue;
      }
      out.append(plan.namePrefixes[column]!);
      this.#writeColumn(plan, column, source, columns, fill);
    }
    // Each column brings a comma: the first becomes the brace.
    if (out.length === begin) out.byte(BRACE_OPEN);
    else out.bytes[begin] = BRACE_OPEN;
    out.byte(BRACE_CLOSE);
    return missing;
  }

  #writeColumn(
    plan: RelationPlan,
    column: number,
    source: Uint8Array,
    columns: TupleColumns,
    fill: TupleColumns | null,
  ): void {
    let from = columns;
    let start = from.starts[column]!;
    if (start === UNCHANGED_COLUMN && fill !== null) {
      from = fill;
      start = from.starts[column]!;
    }
    if (start >= 0) plan.writers[column]!(source, start, from.ends[column]!, this.#out);
    else if (start === NULL_COLUMN) this.#out.append(NULL);
    else throw malformed(0, 0, "a key column's value was not sent");
  }

  #writeUnchanged(plan: RelationPlan, columns: TupleColumns, fill: TupleColumns | null): void {
    const out = this.#out;
    out.append(UNCHANGED);
    let first = true;
    for (let column = 0; column < columns.count; column++) {
      if (columns.starts[column] !== UNCHANGED_COLUMN || isSent(fill, column)) continue;
      if (!first) out.byte(COMMA);
      first = false;
      out.append(plan.names[column]!);
    }
    out.byte(BRACKET_CLOSE);
  }
}

function isSent(fill: TupleColumns | null, column: number): boolean {
  return fill !== null && fill.starts[column] !== UNCHANGED_COLUMN;
}
