// Records that are not a row's: logical messages, and pointers to what can't be sent. At most one a message.

import { Buffer } from "node:buffer";
import type { LogicalMessage } from "../../pgoutput/messages.ts";
import type { UnsendableRecord } from "../format.ts";

/**
 * The key of a `pg_logical_emit_message`, and its value up to `source`.
 * @param bytes what the content's borders are positions in
 */
export function messageText(
  message: LogicalMessage,
  bytes: Uint8Array,
  nowMs: number,
): { readonly key: string; readonly value: string } {
  const prefix = JSON.stringify(message.prefix);
  const content = Buffer.from(bytes.subarray(message.contentStart, message.contentEnd)).toString("base64");
  return {
    key: `{"prefix":${prefix}}`,
    value: `{"schema":null,"table":null,"op":"MESSAGE","ts_ms":${nowMs},"before":null,"after":null,` +
      `"message":{"prefix":${prefix},"transactional":${message.transactional},"content":"${content}"}`,
  };
}

/** A pointer's value up to `source`: the record's key, whose it was, how large, and why. @param schema, table, key as JSON */
export function pointerText(
  { operation, bytes, reason }: UnsendableRecord,
  schema: string,
  table: string,
  key: string | null,
  nowMs: number,
): string {
  return `{"schema":${schema},"table":${table},"op":"${operation}","ts_ms":${nowMs},"key":${key},"bytes":${bytes},` +
    `"reason":"${reason}"`;
}
