// Finds the last committed progress record in its topic, by reading the log backwards from its end.

import { CaptureError } from "../core/errors.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import { type LogBatch, readLogBatches, readLogRecords } from "./log_batches.ts";
import { decodeProgressValue, encodeProgressKey } from "./progress_record.ts";
import { malformed } from "./wire/buffer_reader.ts";

/** The log of the progress topic's one partition. */
export interface ProgressLog {
  /** Offset of the first record. */
  start(): Promise<bigint>;
  /** The high watermark: the end of what every in-sync replica has. */
  end(): Promise<bigint>;
  /** Whole record batches from `offset` on, uncommitted ones too; empty when there are none up to the end. */
  read(offset: bigint): Promise<Uint8Array>;
}

/** What to do about a transaction that is neither committed nor aborted. */
export type UndecidedPolicy =
  /** After InitProducerId there is none of ours, so one means that something is not as it should be. */
  | "refuse"
  /** It doesn't count: an older position is as good where records may come twice. */
  | "ignore";

/**
 * The progress that was committed last for this source; null when there is none.
 *
 * It reads uncommitted and pairs each batch with the marker that ends its producer's transaction. Windows grow
 * until a committed record of ours is in one, so that a start reads little, however long the log is.
 * @throws CaptureError `position-conflict` when the record can't be understood, `kafka-unclear` when the last
 *   transaction is undecided and that is refused
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
    if (found !== undefined) return found === null ? null : decodeProgressValue(identity, found);
    if (from === start) return null;
  }
}

/** In offsets. */
const FIRST_WINDOW = 500n;
const WINDOW_GROWTH = 4n;

/** The value of the last committed record with that key in `[from, end)`: null for a tombstone, undefined for none. */
async function lastCommitted(
  log: ProgressLog,
  from: bigint,
  end: bigint,
  key: Uint8Array,
  undecided: UndecidedPolicy,
): Promise<Uint8Array | null | undefined> {
  let committed: Uint8Array | null | undefined;
  const open = new Map<bigint, Uint8Array | null>();
  for await (const batch of batchesBetween(log, from, end)) {
    switch (batch.kind) {
      case "plain": {
        committed = await lastValue(batch, key, committed);
        break;
      }
      case "transactional": {
        const value = await lastValue(batch, key, open.get(batch.producerId));
        if (value !== undefined) open.set(batch.producerId, value);
        break;
      }
      case "commit-marker":
        committed = open.has(batch.producerId) ? open.get(batch.producerId) : committed;
        open.delete(batch.producerId);
        break;
      case "abort-marker":
        open.delete(batch.producerId);
        break;
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

async function* batchesBetween(log: ProgressLog, from: bigint, end: bigint): AsyncGenerator<LogBatch> {
  for (let offset = from; offset < end;) {
    const bytes = await log.read(offset);
    if (bytes.length === 0) return;
    const batches = readLogBatches(bytes);
    const next = (batches.at(-1)?.lastOffset ?? -1n) + 1n;
    if (next <= offset) throw malformed(`no whole record batch from offset ${offset} on`);
    for (const batch of batches) if (batch.lastOffset < end) yield batch;
    offset = next;
  }
}

async function lastValue<None>(
  batch: LogBatch,
  key: Uint8Array,
  none: None,
): Promise<Uint8Array | null | None> {
  let value: Uint8Array | null | None = none;
  for (const record of await readLogRecords(batch)) {
    if (record.key !== null && isEqual(record.key, key)) value = record.value;
  }
  return value;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
