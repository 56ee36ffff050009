// The native records that are not rows: logical messages, and pointers to records that can't be sent.

import { Buffer } from "node:buffer";
import type { LogicalMessage } from "../../pgoutput/messages.ts";
import type { UnsendableRecord } from "../format.ts";

/**
 * The key of a logical message, and its value up to `source`.
 * @param bytes the message, in which `contentStart` and `contentEnd` are positions
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

/**
 * A pointer's value up to `source`: the kind of record, its size, and why it can't be sent.
 * @param schema, table, key as JSON
 */
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
