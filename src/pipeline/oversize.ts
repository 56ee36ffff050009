// A record that is larger than the broker takes: what is said of it, and what may go out in its place.

import { createHash } from "node:crypto";
import { CaptureError } from "../core/errors.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import { formatLsn } from "../core/position.ts";

/** `stop`: nothing goes on without a person. `dead-letter`: a pointer goes to the dead-letter topic in its place. */
export type OversizeAction = "stop" | "dead-letter";

/** What `Batch.append` throws when the record alone passes the limit; nothing was appended then. */
export class RecordTooLarge extends CaptureError {
  /** What the record needs as the only one of a batch, uncompressed. */
  readonly bytes: number;
  /** How it was found to be too large. */
  readonly found: string;

  constructor(topic: string, bytes: number, bytesMax: number) {
    const found = `it needs ${bytes} bytes, KAFKA_MAX_MESSAGE_BYTES is ${bytesMax}`;
    super("record-too-large", `Cannot send a record to topic "${topic}": ${found}`, { hint: HINT });
    this.bytes = bytes;
    this.found = found;
  }
}

/** A change that PostgreSQL sent in a message so large that it was not held: no record of it fits. */
export class MessageTooLarge extends CaptureError {
  /** Bytes of its values, as PostgreSQL sent them. */
  readonly bytes: number;
  readonly found: string;

  constructor(bytes: number) {
    const found = `its values have more than ${bytes} bytes, far above KAFKA_MAX_MESSAGE_BYTES`;
    super("record-too-large", `Cannot send a record: ${found}`, { hint: HINT });
    this.bytes = bytes;
    this.found = found;
  }
}

/** Either way of being too large. */
export type TooLarge = RecordTooLarge | MessageTooLarge;

export function isTooLarge(error: unknown): error is TooLarge {
  return error instanceof RecordTooLarge || error instanceof MessageTooLarge;
}

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
  const what = target === "message"
    ? "a logical message"
    : `the ${operation} of table ${JSON.stringify(target.schema)}.${JSON.stringify(target.table)}`;
  return new CaptureError(
    "record-too-large",
    `Cannot send ${what}, ${keyHash(record)}, at commit_lsn ${formatLsn(commitLsn)} tx_seq ${seq}: ` +
      found.found,
    { hint: HINT, cause: found },
  );
}

const HINT =
  "raise max.message.bytes of the topic (or message.max.bytes of the brokers) and KAFKA_MAX_MESSAGE_BYTES, " +
  "or set KAFKA_OVERSIZE=dead-letter";
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
