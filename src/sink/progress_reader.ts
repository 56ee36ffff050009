// Finds the last committed progress record in its topic, by reading the log backwards from its end.

import { CaptureError, unreachable } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import { type LogBatch, readLogBatches, readLogRecords } from "./log_batches.ts";
import { decodeProgressValue, encodeProgressKey } from "./progress_record.ts";
import { malformed } from "./wire/buffer_reader.ts";

/** The log of the progress topic's one partition. */
export interface ProgressLog {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record. */
  start(): Promise<bigint>;
  /** The high watermark: the end of what all in-sync replicas have. */
  end(): Promise<bigint>;
  /**
   * Complete record batches from `offset` on, uncommitted ones included. Empty if there are none up to the
   * end.
   */
  read(offset: bigint): Promise<Uint8Array>;
}

/** How to treat a transaction that is neither committed nor aborted. */
export type UndecidedPolicy =
  /** InitProducerId has ended our transactions, so an undecided one is an error. */
  | "refuse"
  /** It is ignored: with at-least-once delivery, an older position is correct too. */
  | "ignore";

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
  log: ProgressLog,
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

const BATCH_BYTES_MAX = 1024 * 1024;

/** The result of reading the last record of this source. */
type Found =
  | { readonly kind: "value"; readonly offset: bigint; readonly value: Uint8Array }
  | { readonly kind: "removed" }
  | { readonly kind: "refused"; readonly offset: bigint; readonly why: string };

function progressOf(found: Found, log: ProgressLog, identity: SourceIdentity): Progress | null {
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
        throw new CaptureError(kind, `${message} (${describeOffset(log, found.offset)})`, {
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
  log: ProgressLog,
  { database, slot }: SourceIdentity,
): CaptureError {
  return new CaptureError(
    "position-conflict",
    `Cannot trust the progress record of slot "${slot}" of database "${database}" in Kafka ` +
      `(${describeOffset(log, offset)}): ${why}`,
    {
      hint:
        "find out who may write to this topic, and allow only pg-capture to (SECURITY.md). To remove the record " +
        "and the slot, run `pg-capture teardown --progress --yes`; then start again with a snapshot",
    },
  );
}

function describeOffset({ topic, partition }: ProgressLog, offset: bigint): string {
  return `topic "${topic}", partition ${partition}, offset ${offset}`;
}

/** The last committed record with that key in `[from, end)`; undefined if there is none. */
async function lastCommitted(
  log: ProgressLog,
  from: bigint,
  end: bigint,
  key: Uint8Array,
  undecided: UndecidedPolicy,
): Promise<Found | undefined> {
  let committed: Found | undefined;
  const open = new Map<bigint, Found>();
  for await (const batch of batchesBetween(log, from, end)) {
    switch (batch.kind) {
      case "plain": {
        const found = await lastOf(batch, key);
        if (found !== undefined) committed = asUntrusted(found, batch);
        break;
      }
      case "transactional": {
        const found = await lastOf(batch, key);
        if (found !== undefined) open.set(batch.producerId, found);
        break;
      }
      case "commit-marker":
        committed = open.get(batch.producerId) ?? committed;
        open.delete(batch.producerId);
        break;
      case "abort-marker":
        open.delete(batch.producerId);
        break;
      default:
        unreachable(batch.kind);
    }
  }
  if (open.size > 0 && undecided === "refuse") {
    throw new CaptureError(
      "kafka-unclear",
      "Cannot read the progress record in Kafka: its last transaction is neither committed nor aborted",
    );
  }
  return committed;
}

function asUntrusted(found: Found, { baseOffset }: LogBatch): Found {
  if (found.kind === "refused") return found;
  const offset = found.kind === "value" ? found.offset : baseOffset;
  return { kind: "refused", offset, why: "it was written outside of a transaction, so not by pg-capture" };
}

async function* batchesBetween(log: ProgressLog, from: bigint, end: bigint): AsyncGenerator<LogBatch> {
  for (let offset = from; offset < end;) {
    const bytes = await log.read(offset);
    if (bytes.length === 0) return;
    const batches = readLogBatches(bytes);
    const next = (batches.at(-1)?.lastOffset ?? -1n) + 1n;
    if (next <= offset) throw malformed(`no complete record batch from offset ${offset} on`);
    for (const batch of batches) if (batch.lastOffset < end) yield batch;
    offset = next;
  }
}

/** The last record with that key in the batch; undefined if there is none. */
async function lastOf(batch: LogBatch, key: Uint8Array): Promise<Found | undefined> {
  let found: Found | undefined;
  try {
    for await (const { offset, key: other, value } of readLogRecords(batch, BATCH_BYTES_MAX)) {
      if (other === null || !isEqual(other, key)) continue;
      found = value === null ? { kind: "removed" } : { kind: "value", offset, value };
    }
    return found;
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { kind: "refused", offset: batch.baseOffset, why: error.message };
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
