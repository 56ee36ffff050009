// Changes that cannot be sent: too large, or of a table whose topic cannot be used.

import type { ChangeDecoder } from "../decoder/change_decoder.ts";
import type { DeadLetter } from "../decoder/formats/format.ts";
import { CaptureError } from "../core/errors.ts";
import { isTooLarge, type TooLarge } from "../core/record_too_large.ts";
import { oversizeError } from "./oversize.ts";
import { conflictOf, type TopicConflict } from "../core/topic_conflict.ts";

export type Unsendable = TooLarge | TopicConflict;

/** Whether the error concerns a single change, so that everything before it is still valid. */
export function isRefusal(error: unknown): error is CaptureError {
  return error instanceof CaptureError &&
    (error.kind === "record-too-large" || error.kind === "topic-conflict");
}

/** The error that names the decoder's current change, or its table. */
export function refusalOf(decoder: ChangeDecoder, found: Unsendable): CaptureError {
  return isTooLarge(found) ? oversizeError(decoder, found) : conflictOf(decoder.target, found);
}

/** The content of the pointer that replaces the decoder's current change. */
export function deadLetterOf(decoder: ChangeDecoder, found: Unsendable): DeadLetter {
  return isTooLarge(found)
    ? { bytes: found.bytes, reason: "record-too-large" }
    : { bytes: decoder.record.valueEnd, reason: "topic-conflict" };
}
