// The error for a message that the protocol does not allow. Reading any bytes throws no other error.

import { CaptureError } from "../../core/errors.ts";

/**
 * @param tag the message's type byte
 * @param offset the byte of the message at which reading stopped
 * @param what a description of the fault
 */
export function malformedMessage(tag: number, offset: number, what: string): CaptureError {
  const name = tag >= 0x20 && tag < 0x7f ? `'${String.fromCharCode(tag)}'` : `0x${tag.toString(16)}`;
  return new CaptureError(
    "decoding",
    `Cannot decode a pgoutput message of type ${name}, at byte ${offset}: ${what}`,
  );
}
