// Records larger than the broker accepts: the limits, and the error that names the change.

import { createHash } from "node:crypto";
import { CaptureError } from "../core/errors.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import { formatLsn } from "../core/position.ts";
import { TOO_LARGE_ADVICE, type TooLarge } from "../core/record_too_large.ts";
import { tableText } from "../core/table_name.ts";

/**
 * `stop`: the capture ends until an operator acts. `dead-letter`: a pointer to the change goes to the
 * dead-letter topic.
 */
export type OversizeAction = "stop" | "dead-letter";

/**
 * Messages from PostgreSQL above this size are not held in memory. A record has at least two thirds of its
 * message's size (a bytea: hexadecimal digits become base64), except for nested values that are mostly quotes
 * and backslashes.
 * @param recordBytesMax KAFKA_MAX_MESSAGE_BYTES
 */
export function messageBytesMax(recordBytesMax: number): number {
  return Math.max(HELD_BYTES_MIN, 4 * recordBytesMax);
}

const HELD_BYTES_MIN = 16 * 1024 * 1024;

/** The error that names the change: its table, the hash of its key, and its position. */
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
 * A key may be a name or an address, and errors go to logs, metrics and the status page. With the hash, the
 * row can be found by its key (docs/OPERATIONS.md); the dead-letter record has the key itself.
 */
function keyHash({ bytes, keyEnd }: ChangeDecoder["record"]): string {
  if (keyEnd < 0) return "no key";
  const digest = createHash("sha256").update(bytes.subarray(0, keyEnd)).digest("hex");
  return `key sha256:${digest.slice(0, HASH_DIGITS)}`;
}
