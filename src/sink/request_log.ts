// Reads the control topic: requests of operators, from an offset on.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { ReceivedRequest } from "../core/snapshot_state.ts";
import type { Cluster } from "./cluster.ts";
import { OWN_BATCH_BYTES_MAX } from "./committed_records.ts";
import { type LogBatch, type LogRecord, readLogBatches, readLogRecords } from "./log_batches.ts";
import type { KafkaSinkOptions } from "./options.ts";
import { PartitionLog } from "./partition_log.ts";
import { encodeProgressKey } from "./progress_record.ts";
import { areSameBytes } from "./same_bytes.ts";
import { decodeRequest } from "./snapshot_request.ts";
import { isThere } from "./snapshot_store.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { controlTopic } from "./topics.ts";
import { ErrorCode } from "./wire/error_codes.ts";
import type { FetchResponse } from "./wire/apis/fetch.ts";

const REQUESTS_MAX = 200;
/** Requests that wait are no reason to end a capture that can write to all its topics. */
const OUTAGE_MS_MAX = 30_000;

/** The control topic, which may not exist. */
export class RequestLog {
  readonly #cluster: Cluster;
  readonly #directory: TopicDirectory;
  readonly #topic: string;
  readonly #isNeeded: boolean;
  readonly #key: Uint8Array;
  readonly #now: () => number;
  /** When the topic could not be read for the first time since it last could. */
  #failingSinceMs: number | undefined;

  /** @param now milliseconds since an arbitrary moment */
  constructor(
    cluster: Cluster,
    directory: TopicDirectory,
    { prefix, identity, usesSnapshots }: Pick<KafkaSinkOptions, "prefix" | "identity" | "usesSnapshots">,
    now: () => number,
  ) {
    this.#cluster = cluster;
    this.#directory = directory;
    this.#topic = controlTopic(prefix);
    this.#isNeeded = usesSnapshots ?? false;
    this.#key = encodeProgressKey(identity);
    this.#now = now;
  }

  /**
   * The next records up to the high watermark, about 200 at most; none if the topic does not exist, or can't be
   * read for the moment. A record that is no request of this source has neither a request nor a problem, and is
   * returned only as the last one, to continue after it.
   * @param from null, or an offset that the log does not have, for the oldest that is there
   * @throws CaptureError `kafka-refused`, or the reason if the topic can't be read for 30 s
   */
  async read(from: bigint | null, signal: AbortSignal): Promise<readonly ReceivedRequest[]> {
    try {
      const requests = await this.#read(from, signal);
      this.#failingSinceMs = undefined;
      return requests;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CaptureError) || errorPolicy(error.kind).action !== "retry") throw error;
      // Its leader may be another one by now, or the topic be gone.
      this.#directory.forget(this.#topic);
      this.#failingSinceMs ??= this.#now();
      if (this.#now() - this.#failingSinceMs > OUTAGE_MS_MAX) throw error;
      return [];
    }
  }

  async #read(from: bigint | null, signal: AbortSignal): Promise<readonly ReceivedRequest[]> {
    if (!await isThere(this.#directory, this.#topic, this.#isNeeded, signal)) return [];
    const log = new PartitionLog(this.#cluster, this.#directory, this.#topic, signal);
    let offset = from ?? await log.start();
    let response = await log.fetch(offset);
    if (response.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      // Retention has removed what was there, or the topic was created again.
      offset = await log.start();
      response = await log.fetch(offset);
    }
    log.check(response.errorCode);
    return await this.#requestsIn(response, offset);
  }

  async #requestsIn(
    { records, highWatermark }: FetchResponse,
    from: bigint,
  ): Promise<readonly ReceivedRequest[]> {
    const received: ReceivedRequest[] = [];
    let skipped: ReceivedRequest | undefined;
    for (const batch of readLogBatches(records)) {
      if (batch.lastOffset < from) continue;
      if (batch.lastOffset >= highWatermark) break;
      for await (const record of recordsOf(batch)) {
        if (record.offset < from) continue;
        const request = this.#requestOf(record, batch);
        if (request.request === undefined && request.problem === undefined) skipped = request;
        else received.push(request);
        if (received.length === REQUESTS_MAX) return received;
      }
      // Batches have offsets without a record, as markers of transactions are.
      skipped = nothing({ offset: batch.lastOffset, timeMs: 0 });
    }
    const last = received.at(-1);
    return skipped === undefined || last !== undefined && last.offset >= skipped.offset
      ? received
      : [...received, skipped];
  }

  #requestOf(record: FoundRecord, batch: LogBatch): ReceivedRequest {
    const { offset, timeMs } = record;
    if ("unreadable" in record) return { offset, timeMs, request: undefined, problem: record.unreadable };
    if (record.key === null || !areSameBytes(record.key, this.#key)) return nothing(record);
    if (batch.kind === "plain") return { offset, timeMs, ...decodeRequest(record.value) };
    return batch.kind === "transactional"
      ? { offset, timeMs, request: undefined, problem: IN_TRANSACTION }
      : nothing(record);
  }
}

const IN_TRANSACTION = "The request was written in a transaction, and may have been aborted.";

type FoundRecord = LogRecord | {
  readonly offset: bigint;
  readonly timeMs: number;
  readonly unreadable: string;
};

/** The records of a batch. After the last one that can be read comes what is wrong with the next. */
async function* recordsOf(batch: LogBatch): AsyncGenerator<FoundRecord> {
  try {
    yield* readLogRecords(batch, OWN_BATCH_BYTES_MAX);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    const unreadable = `The request can't be read: ${error.message}.`;
    yield { offset: batch.lastOffset, timeMs: Number(batch.times.appended ?? batch.times.base), unreadable };
  }
}

function nothing({ offset, timeMs }: Pick<LogRecord, "offset" | "timeMs">): ReceivedRequest {
  return { offset, timeMs, request: undefined, problem: undefined };
}
