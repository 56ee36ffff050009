// A record that is larger than the broker takes: what is said of it, and what may go out in its place.

import { CaptureError } from "../errors.ts";
import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import { formatLsn } from "./position.ts";

/** `stop`: nothing goes on without a person. `dead-letter`: a pointer goes to the dead-letter topic in its place. */
export type OversizeAction = "stop" | "dead-letter";

/** What `Batch.append` throws when the record alone passes the limit; nothing was appended then. */
export class RecordTooLarge extends CaptureError {
  readonly bytes: number;
  readonly bytesMax: number;

  /** @param bytes what the record needs as the only one of a batch, uncompressed */
  constructor(topic: string, bytes: number, bytesMax: number) {
    super("record-too-large", `Cannot send a record to topic "${topic}": ${sizes(bytes, bytesMax)}`, {
      hint: HINT,
    });
    this.bytes = bytes;
    this.bytesMax = bytesMax;
  }
}

/** The error that names the change whose record it is: its table, its key and its place. */
export function oversizeError(decoder: ChangeDecoder, found: RecordTooLarge): CaptureError {
  const { target, operation, record, commitLsn, seq } = decoder;
  const what = target === "message"
    ? "a logical message"
    : `the ${operation} of table ${JSON.stringify(target.schema)}.${JSON.stringify(target.table)}`;
  return new CaptureError(
    "record-too-large",
    `Cannot send ${what}, key ${keyText(record)}, at commit_lsn ${formatLsn(commitLsn)} tx_seq ${seq}: ` +
      sizes(found.bytes, found.bytesMax),
    { hint: HINT, cause: found },
  );
}

const HINT =
  "raise max.message.bytes of the topic (or message.max.bytes of the brokers) and KAFKA_MAX_MESSAGE_BYTES, " +
  "or set KAFKA_OVERSIZE=dead-letter";
const KEY_CHARACTERS_MAX = 200;

function sizes(bytes: number, bytesMax: number): string {
  return `it needs ${bytes} bytes, KAFKA_MAX_MESSAGE_BYTES is ${bytesMax}`;
}

/** The key finds the row: SPEC section 3 wants it named, other than the row's values. */
function keyText({ bytes, keyEnd }: ChangeDecoder["record"]): string {
  if (keyEnd < 0) return "null";
  const text = new TextDecoder().decode(bytes.subarray(0, Math.min(keyEnd, 4 * KEY_CHARACTERS_MAX)));
  return text.length > KEY_CHARACTERS_MAX ? `${text.slice(0, KEY_CHARACTERS_MAX)}...` : text;
}
