// The decoder's own error: whatever the bytes, it is this one.

import { CaptureError } from "../errors.ts";

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
