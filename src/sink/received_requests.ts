// Finds the requests of one source in a part of the control topic's log.

import { CaptureError } from "../core/errors.ts";
import type { ReceivedRequest } from "../core/snapshot_state.ts";
import { OWN_BATCH_BYTES_MAX } from "./committed_records.ts";
import { type LogBatch, type LogRecord, readLogBatches, readLogRecords } from "./log_batches.ts";
import { areSameBytes } from "./same_bytes.ts";
import { decodeRequest } from "./snapshot_request.ts";
import type { FetchResponse } from "./wire/apis/fetch.ts";

const REQUESTS_MAX = 200;

/**
 * Finds the requests from an offset on, up to the high watermark, at most `REQUESTS_MAX`. A record that is
 * not a request has neither a request nor a problem, and is returned only if it is the last one, to continue
 * after it.
 * @param key the key of the source's requests
 */
export async function requestsIn(
  { records, highWatermark }: Pick<FetchResponse, "records" | "highWatermark">,
  from: bigint,
  key: Uint8Array,
): Promise<readonly ReceivedRequest[]> {
  const received: ReceivedRequest[] = [];
  let skipped: ReceivedRequest | undefined;
  for (const batch of readLogBatches(records)) {
    if (batch.lastOffset < from) continue;
    if (batch.lastOffset >= highWatermark) break;
    for await (const record of recordsOf(batch)) {
      if (record.offset < from) continue;
      const request = requestOf(record, batch, key);
      if (request !== undefined) received.push(request);
      if (received.length === REQUESTS_MAX) return received;
    }
    // Markers of transactions have offsets, too.
    skipped = { offset: batch.lastOffset, timeMs: timeOf(batch), request: undefined, problem: undefined };
  }
  const last = received.at(-1);
  return skipped === undefined || last !== undefined && last.offset >= skipped.offset
    ? received
    : [...received, skipped];
}

type FoundRecord = LogRecord | {
  readonly offset: bigint;
  readonly timeMs: number;
  readonly unreadable: string;
};

/** The records of a batch. The last readable one is followed by the problem of the next. */
async function* recordsOf(batch: LogBatch): AsyncGenerator<FoundRecord> {
  try {
    yield* readLogRecords(batch, OWN_BATCH_BYTES_MAX);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    const unreadable = `The request can't be read: ${error.message}.`;
    yield { offset: batch.lastOffset, timeMs: timeOf(batch), unreadable };
  }
}

/** Undefined if the record is not a request for this source. */
function requestOf(record: FoundRecord, { kind }: LogBatch, key: Uint8Array): ReceivedRequest | undefined {
  const { offset, timeMs } = record;
  if ("unreadable" in record) return { offset, timeMs, request: undefined, problem: record.unreadable };
  if (record.key === null || !areSameBytes(record.key, key)) return undefined;
  if (kind === "plain") return { offset, timeMs, ...decodeRequest(record.value) };
  return { offset, timeMs, request: undefined, problem: IN_TRANSACTION };
}

const IN_TRANSACTION = "The request was written in a transaction, and may have been aborted.";

function timeOf({ times: { appended, base } }: LogBatch): number {
  return Number(appended ?? base);
}
