// Finds the last committed progress record in its topic, by reading the log backwards from its end.

import { advice, START_ANEW } from "../core/advice.ts";
import { CaptureError, unreachable } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import {
  CommittedRecords,
  OWN_BATCH_BYTES_MAX,
  placeInLog,
  type ReadableLog,
  type UndecidedPolicy,
  UNTRUSTED,
} from "./committed_records.ts";
import { type LogBatch, readLogRecords } from "./log_batches.ts";
import { decodeProgressValue, encodeProgressKey } from "./progress_record.ts";
import { areSameBytes } from "./same_bytes.ts";

/**
 * The last committed progress of this source, or null if there is none.
 *
 * Reads uncommitted records, and pairs each batch with the marker that ends its producer's transaction. The
 * window grows until it includes a committed record of this source, so that a start reads little even from a
 * long log.
 *
 * The last committed record decides. pg-capture writes each record in a transaction, so it did not write one
 * outside of a transaction, nor a batch that decompresses to more than 1 MB. Such a record is refused, not
 * skipped: compaction may have removed the real record because of it. A later record by pg-capture makes it
 * harmless.
 * @throws CaptureError `position-conflict` if the record cannot be read or trusted, `kafka-unclear` if the
 *   last transaction is undecided and `undecided` is "refuse"
 */
export async function readProgress(
  log: ReadableLog,
  identity: SourceIdentity,
  undecided: UndecidedPolicy,
): Promise<Progress | null> {
  const [start, end] = [await log.start(), await log.end()];
  const key = encodeProgressKey(identity);
  for (let window = FIRST_WINDOW;; window *= WINDOW_GROWTH) {
    const from = end - window > start ? end - window : start;
    const found = await lastCommitted(log, from, end, key, undecided);
    if (found !== undefined) return progressOf(found, log, identity);
    if (from === start) return null;
  }
}

/** In offsets. */
const FIRST_WINDOW = 500n;
const WINDOW_GROWTH = 4n;

/** The result of reading the last record of this source. */
type Found =
  | { readonly kind: "value"; readonly offset: bigint; readonly value: Uint8Array }
  | { readonly kind: "removed"; readonly offset: bigint }
  | { readonly kind: "refused"; readonly offset: bigint; readonly why: string };

function progressOf(found: Found, log: ReadableLog, identity: SourceIdentity): Progress | null {
  switch (found.kind) {
    case "removed":
      return null;
    case "refused":
      throw refusal(found, log, identity);
    case "value":
      try {
        return decodeProgressValue(identity, found.value);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        const { kind, message, hint } = error;
        throw new CaptureError(kind, `${message} (${placeInLog(log, found.offset)})`, {
          ...(hint === undefined ? {} : { hint }),
          cause: error,
        });
      }
    default:
      return unreachable(found);
  }
}

function refusal(
  { offset, why }: Extract<Found, { readonly kind: "refused" }>,
  log: ReadableLog,
  { database, slot }: SourceIdentity,
): CaptureError {
  return new CaptureError(
    "position-conflict",
    `Cannot trust the progress record of slot "${slot}" of database "${database}" in Kafka ` +
      `(${placeInLog(log, offset)}): ${why}`,
    { hint: advice`${FORGED_ADVICE}, and ${START_ANEW}` },
  );
}

const FORGED_ADVICE =
  "find out who may write to this topic, and allow only pg-capture to (SECURITY.md). Then remove the record and " +
  "the slot, pg-capture teardown --progress --yes";

/** The last committed record with that key in `[from, end)`; undefined if there is none. */
async function lastCommitted(
  log: ReadableLog,
  from: bigint,
  end: bigint,
  key: Uint8Array,
  undecided: UndecidedPolicy,
): Promise<Found | undefined> {
  let last: Found | undefined;
  const records = new CommittedRecords<Found>(log, (batch) => lastOf(batch, key));
  for await (const { content, isTransactional } of records.between(from, end)) {
    last = isTransactional ? content : asUntrusted(content);
  }
  if (records.isUndecided && undecided === "refuse") {
    throw new CaptureError(
      "kafka-unclear",
      "Cannot read the progress record in Kafka: its last transaction is neither committed nor aborted",
    );
  }
  return last;
}

function asUntrusted(found: Found): Found {
  return found.kind === "refused" ? found : { kind: "refused", offset: found.offset, why: UNTRUSTED };
}

/** The last record with that key in the batch; undefined if there is none. */
async function lastOf(batch: LogBatch, key: Uint8Array): Promise<Found | undefined> {
  let found: Found | undefined;
  try {
    for await (const { offset, key: other, value } of readLogRecords(batch, OWN_BATCH_BYTES_MAX)) {
      if (other === null || !areSameBytes(other, key)) continue;
      found = value === null ? { kind: "removed", offset } : { kind: "value", offset, value };
    }
    return found;
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { kind: "refused", offset: batch.baseOffset, why: error.message };
  }
}
