// The native format: keys are JSON objects, values are the envelopes that the README shows.

import { type EncodedRecord, NO_HEADERS } from "../../../core/encoded_record.ts";
import type { PgType } from "../../../core/pg_type.ts";
import { formatLsn, lsnOf } from "../../../core/position.ts";
import { utf8 } from "../../../core/utf8.ts";
import type { RecordPlace, Transaction } from "../../change.ts";
import type { LogicalMessage } from "../../pgoutput/messages.ts";
import type { Table } from "../../table.ts";
import { ByteWriter } from "../byte_writer.ts";
import type { RecordFormat, TableEncoder, UnsendableRecord } from "../format.ts";
import { writeDecimal } from "../json/digits.ts";
import { type NativeBuffer, NativeTableEncoder } from "./native_table_encoder.ts";
import { messageText, pointerText } from "./text_records.ts";

// A larger buffer is not kept: only a huge row needs it.
const KEEP_BYTES_MAX = 1024 * 1024;

/** Encodes one record at a time, into one buffer. */
export class NativeFormat implements RecordFormat, EncodedRecord, NativeBuffer {
  keyEnd = -1;
  valueEnd = -1;
  readonly headers = NO_HEADERS;
  /** The record: key, then value. */
  readonly out = new ByteWriter();
  /** `ts_ms` as digits. */
  readonly now = new ByteWriter();
  /** `,"source":{"version":"0.1.0","connector":"pg-capture","ts_ms":1634567890100,"db":"mydb",` */
  sourceBegin: Uint8Array = new Uint8Array(0);
  /** `","xid":567,"commit_lsn":"0/1634FE8","tx_seq":` */
  sourceMiddle: Uint8Array = new Uint8Array(0);
  /**
   * The number of transactions so far. Encoders that cache `sourceBegin` compare it to know when to refresh.
   */
  transactions = 0;
  readonly #sourceHead: string;
  readonly #database: string;
  #nowMs = 0;

  /** @param version for `source.version`; @param database for `source.db` */
  constructor(version: string, database: string) {
    this.#sourceHead = `,"source":{"version":${JSON.stringify(version)},"connector":"pg-capture","ts_ms":`;
    this.#database = JSON.stringify(database);
  }

  get record(): EncodedRecord {
    return this;
  }

  get bytes(): Uint8Array {
    return this.out.bytes;
  }

  setNow(nowMs: number): void {
    this.#nowMs = nowMs;
    this.now.length = 0;
    writeDecimal(this.now, nowMs);
  }

  beginTransaction({ commitLsn, commitTimeUs, xid, snapshot }: Transaction): void {
    const commitTimeMs = Math.floor(commitTimeUs / 1000);
    this.sourceBegin = utf8(`${this.#sourceHead}${commitTimeMs},"db":${this.#database},`);
    const ofSnapshot = snapshot === undefined ? "" : `"snapshot":${JSON.stringify(snapshot)},`;
    this.sourceMiddle = utf8(`","xid":${xid},${ofSnapshot}"commit_lsn":"${formatLsn(commitLsn)}","tx_seq":`);
    this.transactions++;
  }

  table(table: Table, types: readonly PgType[], mayBeOlder: boolean): TableEncoder {
    return new NativeTableEncoder(this, table, types, mayBeOlder);
  }

  encodeMessage(message: LogicalMessage, bytes: Uint8Array, place: RecordPlace): void {
    const { key, value } = messageText(message, bytes, this.#nowMs);
    this.#writeText(key, value + this.#sourceText("null", "null", place, false));
  }

  encodePointer(unsendable: UnsendableRecord): void {
    const { table, isKeyChange } = unsendable;
    const schema = table === null ? "null" : JSON.stringify(table.schema);
    const name = table === null ? "null" : JSON.stringify(table.table);
    const key = this.keyEnd < 0 ? null : new TextDecoder().decode(this.bytes.subarray(0, this.keyEnd));
    const value = pointerText(unsendable, schema, name, key, this.#nowMs);
    this.#writeText(key, value + this.#sourceText(schema, name, unsendable, isKeyChange));
  }

  /** Begins a record. */
  begin(): void {
    this.out.reset(KEEP_BYTES_MAX);
    this.keyEnd = -1;
  }

  /** Writes a record from text. Only for records that are not rows. */
  #writeText(key: string | null, value: string): void {
    this.begin();
    if (key !== null) this.out.append(utf8(key));
    this.keyEnd = key === null ? -1 : this.out.length;
    this.out.append(utf8(value));
    this.valueEnd = this.out.length;
  }

  /** `,"source":{...}}` for a record that is not a row. @param schema, table as JSON */
  #sourceText(schema: string, table: string, place: RecordPlace, isKeyChange: boolean): string {
    const lsn = formatLsn(lsnOf(place.walStartHigh, place.walStartLow));
    const text = new TextDecoder();
    return `${text.decode(this.sourceBegin)}"schema":${schema},"table":${table},"lsn":"` +
      `${lsn}${text.decode(this.sourceMiddle)}${place.seq}` +
      `${isKeyChange ? ',"key_change":true' : ""}}}`;
  }
}
