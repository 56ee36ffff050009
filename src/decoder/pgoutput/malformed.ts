// The decoder's own error: whatever the bytes, it is this one.

import { CaptureError } from "../../core/errors.ts";
import { formatLsn } from "../../core/position.ts";
import type { MessageBytes } from "./message_bytes.ts";
import { CompositeMismatch } from "../formats/json/malformed.ts";

/**
 * A message that is not what the protocol allows.
 * @param tag the message's type byte
 * @param offset the byte in the message at which reading stopped
 */
export function malformed(tag: number, offset: number, what: string): CaptureError {
  const name = tag >= 0x20 && tag < 0x7f ? `'${String.fromCharCode(tag)}'` : `0x${tag.toString(16)}`;
  return new CaptureError(
    "decoding",
    `Cannot decode a pgoutput message of type ${name}, at byte ${offset}: ${what}`,
  );
}

/** Adds to an error where in the stream its message is, and of which table; a CompositeMismatch is no error yet. */
export function located(
  error: unknown,
  { walStartHigh, walStartLow }: MessageBytes,
  relation: { readonly schema: string; readonly table: string } | undefined,
): unknown {
  if (!(error instanceof CaptureError) || error instanceof CompositeMismatch) return error;
  const lsn = formatLsn((BigInt(walStartHigh) << 32n) | BigInt(walStartLow));
  const table = relation === undefined ? "" : ` of table ${relation.schema}.${relation.table}`;
  return new CaptureError(error.kind, `${error.message} (LSN ${lsn}${table})`, {
    cause: error.cause,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
