// A record that is larger than the broker takes: what is said of it, and what may go out in its place.

import { createHash } from "node:crypto";
import { CaptureError } from "../core/errors.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import { formatLsn } from "../core/position.ts";
import { TOO_LARGE_ADVICE, type TooLarge } from "../core/record_too_large.ts";
import { tableText } from "../core/table_name.ts";

/** `stop`: nothing goes on without a person. `dead-letter`: a pointer goes to the dead-letter topic in its place. */
export type OversizeAction = "stop" | "dead-letter";

/**
 * Messages of PostgreSQL above this size are not held. A record is at least two thirds of its message (a bytea of
 * hexadecimal digits as base64), but for nested values that are mostly quotes and backslashes.
 * @param recordBytesMax KAFKA_MAX_MESSAGE_BYTES
 */
export function messageBytesMax(recordBytesMax: number): number {
  return Math.max(HELD_BYTES_MIN, 4 * recordBytesMax);
}

const HELD_BYTES_MIN = 16 * 1024 * 1024;

/** The error that names the change whose record it is: its table, its key's hash and its place. */
export function oversizeError(decoder: ChangeDecoder, found: TooLarge): CaptureError {
  const { target, operation, record, commitLsn, seq } = decoder;
  const what = target === "message" ? "a logical message" : `the ${operation} of ${tableText(target)}`;
  return new CaptureError(
    "record-too-large",
    `Cannot send ${what}, ${keyHash(record)}, at commit_lsn ${formatLsn(commitLsn)} tx_seq ${seq}: ` +
      found.found,
    { hint: TOO_LARGE_ADVICE, cause: found },
  );
}

const HASH_DIGITS = 12;

/**
 * A key may be a name or an address, and an error goes to logs, metrics and the status page. Its hash finds
 * the row for whoever has the key (docs/OPERATIONS.md); the dead-letter record has the key itself.
 */
function keyHash({ bytes, keyEnd }: ChangeDecoder["record"]): string {
  if (keyEnd < 0) return "no key";
  const digest = createHash("sha256").update(bytes.subarray(0, keyEnd)).digest("hex");
  return `key sha256:${digest.slice(0, HASH_DIGITS)}`;
}
