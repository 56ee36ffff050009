// Pairs the record batches of a partition's log with the markers that commit or abort their transactions.

import { unreachable } from "../core/errors.ts";
import { type LogBatch, readLogBatches } from "./log_batches.ts";
import { malformed } from "./wire/buffer_reader.ts";

/** The log of one partition. */
export interface ReadableLog {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the first record. */
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
  /** It is ignored: an older state is correct too. */
  | "ignore";

/**
 * Extracts the content that the reader looks for from a batch; undefined if there is none.
 * @param before the content of earlier batches of the same transaction
 */
export type BatchReader<Content> = (
  batch: LogBatch,
  before: Content | undefined,
) => Promise<Content | undefined>;

/** The content of a committed transaction, or of a batch outside of a transaction. */
export interface Committed<Content> {
  readonly content: Content;
  readonly isTransactional: boolean;
}

/** Follows the transactions of one partition. Open ones are kept between calls. */
export class CommittedRecords<Content> {
  readonly #log: ReadableLog;
  readonly #read: BatchReader<Content>;
  readonly #open = new Map<bigint, Content>();

  constructor(log: ReadableLog, read: BatchReader<Content>) {
    this.#log = log;
    this.#read = read;
  }

  /** Whether a transaction with content is neither committed nor aborted. */
  get isUndecided(): boolean {
    return this.#open.size > 0;
  }

  /** The content committed in `[from, end)`, in the order of the commits. */
  async *between(from: bigint, end: bigint): AsyncGenerator<Committed<Content>> {
    const open = this.#open;
    for await (const batch of batchesBetween(this.#log, from, end)) {
      switch (batch.kind) {
        case "plain": {
          const content = await this.#read(batch, undefined);
          if (content !== undefined) yield { content, isTransactional: false };
          break;
        }
        case "transactional": {
          const content = await this.#read(batch, open.get(batch.producerId));
          if (content !== undefined) open.set(batch.producerId, content);
          break;
        }
        case "commit-marker": {
          const content = open.get(batch.producerId);
          open.delete(batch.producerId);
          if (content !== undefined) yield { content, isTransactional: true };
          break;
        }
        case "abort-marker":
          open.delete(batch.producerId);
          break;
        default:
          unreachable(batch.kind);
      }
    }
  }
}

async function* batchesBetween(log: ReadableLog, from: bigint, end: bigint): AsyncGenerator<LogBatch> {
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

/** The decompressed size limit of the batches in which pg-capture writes its own records. */
export const OWN_BATCH_BYTES_MAX = 1024 * 1024;

/** The place of a record, for messages. */
export function placeInLog({ topic, partition }: ReadableLog, offset: bigint): string {
  return `topic "${topic}", partition ${partition}, offset ${offset}`;
}

/** Why a record written outside of a transaction is ignored. */
export const UNTRUSTED = "it was written outside of a transaction, so not by pg-capture";
