// The error for a record that is larger than the broker accepts.

import { type Advice, advice, setting } from "./advice.ts";
import { CaptureError } from "./errors.ts";

/** Thrown by `Batch.append` if the record alone exceeds the limit; nothing is appended then. */
export class RecordTooLarge extends CaptureError {
  /** The size of a batch that holds only this record, uncompressed. */
  readonly bytes: number;
  /** What was found, for the message that names the change. */
  readonly found: string;

  constructor(topic: string, bytes: number, bytesMax: number) {
    const found = `it needs ${bytes} bytes, KAFKA_MAX_MESSAGE_BYTES is ${bytesMax}`;
    super("record-too-large", `Cannot send a record to topic "${topic}": ${found}`, {
      hint: TOO_LARGE_ADVICE,
    });
    this.bytes = bytes;
    this.found = found;
  }
}

/**
 * A change whose message from PostgreSQL was too large to hold in memory, so that no record of it can fit.
 */
export class MessageTooLarge extends CaptureError {
  /** Bytes of its values, as PostgreSQL sent them. */
  readonly bytes: number;
  readonly found: string;

  constructor(bytes: number) {
    const found = `its values have more than ${bytes} bytes, far above KAFKA_MAX_MESSAGE_BYTES`;
    super("record-too-large", `Cannot send a record: ${found}`, { hint: TOO_LARGE_ADVICE });
    this.bytes = bytes;
    this.found = found;
  }
}

/** Either kind of excess size. */
export type TooLarge = RecordTooLarge | MessageTooLarge;

export function isTooLarge(error: unknown): error is TooLarge {
  return error instanceof RecordTooLarge || error instanceof MessageTooLarge;
}

/** What to do about it. */
export const TOO_LARGE_ADVICE: Advice =
  advice`raise max.message.bytes of the topic (or message.max.bytes of the brokers) and ${
    setting("kafka.max_message_bytes")
  }, or set ${setting("kafka.oversize")}=dead-letter`;
