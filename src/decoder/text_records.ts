// Records that are not a row's: logical messages, and pointers to what was too large for Kafka. At most one a message.

import { Buffer } from "node:buffer";
import type { EnvelopeEncoder } from "./envelope.ts";
import type { LogicalMessage } from "./pgoutput.ts";
import { type Operation, quoted, type RelationPlan } from "./relation_plan.ts";

/** When and where a record came. */
export interface RecordPlace {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly walStartHigh: number;
  readonly walStartLow: number;
  readonly seq: number;
}

/** Writes the record of a `pg_logical_emit_message`. @param bytes what the content's borders are positions in */
export function writeLogicalMessage(
  record: EnvelopeEncoder,
  message: LogicalMessage,
  bytes: Uint8Array,
  { nowMs, walStartHigh, walStartLow, seq }: RecordPlace,
): void {
  const prefix = quoted(message.prefix);
  const content = Buffer.from(bytes.subarray(message.contentStart, message.contentEnd)).toString("base64");
  record.writeText(
    `{"prefix":${prefix}}`,
    `{"schema":null,"table":null,"op":"MESSAGE","ts_ms":${nowMs},"before":null,"after":null,` +
      `"message":{"prefix":${prefix},"transactional":${message.transactional},"content":"${content}"}` +
      record.sourceText("null", "null", walStartHigh, walStartLow, seq, false),
  );
}

/**
 * Writes a pointer over the record that is there: its key, whose it was and how large.
 * @param plan the record's table; null for a logical message
 * @param bytes the record's size
 */
export function writePointer(
  record: EnvelopeEncoder,
  plan: RelationPlan | null,
  operation: Operation,
  keyChange: boolean,
  bytes: number,
  { nowMs, walStartHigh, walStartLow, seq }: RecordPlace,
): void {
  const schema = plan === null ? "null" : quoted(plan.schema);
  const table = plan === null ? "null" : quoted(plan.table);
  const key = record.keyText();
  record.writeText(
    key,
    `{"schema":${schema},"table":${table},"op":"${operation}","ts_ms":${nowMs},` +
      `"key":${key},"bytes":${bytes}` +
      record.sourceText(schema, table, walStartHigh, walStartLow, seq, keyChange),
  );
}
