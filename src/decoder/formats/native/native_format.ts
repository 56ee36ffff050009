// The native format: keys as JSON objects, changes as the envelope of the README, bytes to bytes.

import { type EncodedRecord, NO_HEADERS } from "../../../core/encoded_record.ts";
import type { PgType } from "../../../core/pg_type.ts";
import { formatLsn } from "../../../core/position.ts";
import { utf8 } from "../../../core/utf8.ts";
import type { RecordPlace, Transaction } from "../../change.ts";
import type { LogicalMessage } from "../../pgoutput/messages.ts";
import type { Table } from "../../table.ts";
import { ByteWriter } from "../byte_writer.ts";
import type { RecordFormat, TableEncoder, UnsendableRecord } from "../format.ts";
import { writeDecimal, writeLsn } from "../json/digits.ts";
import { quoted } from "../json/json_string.ts";
import { type NativeBuffer, NativeTableEncoder } from "./native_table_encoder.ts";
import { messageText, pointerText } from "./text_records.ts";

// A buffer that one huge row has grown is given back.
const KEEP_BYTES_MAX = 1024 * 1024;

/** Encodes one record at a time into a buffer of its own. */
export class NativeFormat implements RecordFormat, EncodedRecord, NativeBuffer {
  keyEnd = -1;
  valueEnd = -1;
  readonly headers = NO_HEADERS;
  /** The record as it is written. */
  readonly out = new ByteWriter();
  /** `ts_ms`, in digits. */
  readonly now = new ByteWriter();
  /** `,"source":{"version":"0.1.0","connector":"pg-capture","ts_ms":1634567890100,"db":"mydb",` */
  sourceBegin: Uint8Array = new Uint8Array(0);
  /** `","xid":567,"commit_lsn":"0/1634FE8","tx_seq":` */
  sourceMiddle: Uint8Array = new Uint8Array(0);
  /** Counts transactions: what is made of `sourceBegin` is made again for each. */
  transactions = 0;
  readonly #sourceHead: string;
  readonly #database: string;
  #nowMs = 0;

  /** @param version the program's, for `source.version` */
  constructor(version: string, database: string) {
    this.#sourceHead = `,"source":{"version":${quoted(version)},"connector":"pg-capture","ts_ms":`;
    this.#database = quoted(database);
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

  beginTransaction({ commitLsn, commitTimeMs, xid }: Transaction): void {
    this.sourceBegin = utf8(`${this.#sourceHead}${commitTimeMs},"db":${this.#database},`);
    this.sourceMiddle = utf8(`","xid":${xid},"commit_lsn":"${formatLsn(commitLsn)}","tx_seq":`);
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
    const schema = table === null ? "null" : quoted(table.schema);
    const name = table === null ? "null" : quoted(table.table);
    const key = this.keyEnd < 0 ? null : new TextDecoder().decode(this.bytes.subarray(0, this.keyEnd));
    const value = pointerText(unsendable, schema, name, key, this.#nowMs);
    this.#writeText(key, value + this.#sourceText(schema, name, unsendable, isKeyChange));
  }

  /** Starts a record. */
  begin(): void {
    this.out.reset(KEEP_BYTES_MAX);
    this.keyEnd = -1;
  }

  /** Writes a whole record from text, for what comes once a transaction at most. */
  #writeText(key: string | null, value: string): void {
    this.begin();
    if (key !== null) this.out.append(utf8(key));
    this.keyEnd = key === null ? -1 : this.out.length;
    this.out.append(utf8(value));
    this.valueEnd = this.out.length;
  }

  /** `,"source":{...}}` of a record that is not a row's. @param schema, table as JSON */
  #sourceText(schema: string, table: string, place: RecordPlace, isKeyChange: boolean): string {
    const lsn = new ByteWriter();
    writeLsn(lsn, place.walStartHigh, place.walStartLow);
    const text = new TextDecoder();
    return `${text.decode(this.sourceBegin)}"schema":${schema},"table":${table},"lsn":"` +
      `${text.decode(lsn.bytes.subarray(0, lsn.length))}${text.decode(this.sourceMiddle)}${place.seq}` +
      `${isKeyChange ? ',"key_change":true' : ""}}}`;
  }
}
