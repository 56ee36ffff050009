// The wire protocol frames that the replication stream writes and reads.

import type { Lsn } from "../core/position.ts";
import type { ServerError } from "./errors.ts";

// Backend messages (PostgreSQL manual, 55.7), and the two that CopyData contains (55.4).
export const COPY_DATA = 0x64;
export const COPY_DONE = 0x63;
export const COPY_BOTH_RESPONSE = 0x57;
export const COMMAND_COMPLETE = 0x43;
export const ERROR_RESPONSE = 0x45;
export const NOTICE_RESPONSE = 0x4e;
export const PARAMETER_STATUS = 0x53;
export const READY_FOR_QUERY = 0x5a;
export const XLOG_DATA = 0x77;
export const KEEPALIVE = 0x6b;
/** The header of XLogData: its type, two LSNs and the time. */
export const XLOG_HEADER_BYTES = 25;

/** The type and length of a message. */
export const HEADER_BYTES = 5;
const POSTGRES_EPOCH_MS = 946_684_800_000;
const QUERY = 0x51;

/** Encodes a Query message. */
export function queryMessage(text: string): Uint8Array {
  const encoded = new TextEncoder().encode(`${text}\0`);
  const message = new Uint8Array(HEADER_BYTES + encoded.length);
  message[0] = QUERY;
  new DataView(message.buffer).setUint32(1, encoded.length + 4);
  message.set(encoded, HEADER_BYTES);
  return message;
}

/**
 * Encodes a standby status update in CopyData (PostgreSQL manual, 53.4).
 * @param nowMs milliseconds since 1970
 */
export function statusUpdate(received: Lsn, flushed: Lsn, nowMs: number): Uint8Array {
  const body = new Uint8Array(34);
  const view = new DataView(body.buffer);
  body[0] = 0x72;
  view.setBigUint64(1, received);
  view.setBigUint64(9, flushed);
  view.setBigUint64(17, flushed);
  view.setBigUint64(25, BigInt(Math.max(0, nowMs - POSTGRES_EPOCH_MS)) * 1000n);
  // Always requests a reply: its end of WAL advances an idle slot, and its absence reveals a dead connection.
  body[33] = 1;
  return copyDataMessage(body);
}

function copyDataMessage(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_BYTES + body.length);
  message[0] = COPY_DATA;
  new DataView(message.buffer).setUint32(1, body.length + 4);
  message.set(body, HEADER_BYTES);
  return message;
}

/**
 * Parses an ErrorResponse or NoticeResponse, whose fields are a type byte and a zero-terminated string each.
 */
export function parseErrorResponse(bytes: Uint8Array, start: number, end: number): ServerError {
  const fields = new Map<string, string>();
  const decoder = new TextDecoder();
  for (let at = start; at < end && bytes[at] !== 0;) {
    const zero = bytes.indexOf(0, at + 1);
    const stop = zero < 0 || zero > end ? end : zero;
    fields.set(String.fromCharCode(bytes[at]!), decoder.decode(bytes.subarray(at + 1, stop)));
    at = stop + 1;
  }
  const detail = fields.get("D");
  const hint = fields.get("H");
  const where = fields.get("W");
  return {
    severity: fields.get("V") ?? "ERROR",
    code: fields.get("C") ?? "XX000",
    message: fields.get("M") ?? "an error without a message",
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
  };
}

/** Reads a number in network byte order. */
export function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Calls back with the WAL data of each complete XLogData message in `[head, tail)`. */
export function peekXlogData(
  bytes: Uint8Array,
  head: number,
  tail: number,
  show: (bytes: Uint8Array, start: number, end: number) => void,
): void {
  for (let at = head; at + HEADER_BYTES <= tail;) {
    const start = at + HEADER_BYTES;
    const end = at + 1 + uint32(bytes, at + 1);
    if (end < start || end > tail) return;
    const isXlogData = bytes[at] === COPY_DATA && bytes[start] === XLOG_DATA;
    if (isXlogData && end - start > XLOG_HEADER_BYTES) show(bytes, start + XLOG_HEADER_BYTES, end);
    at = end;
  }
}
