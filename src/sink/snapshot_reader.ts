// Reads the states of a source's snapshots from their topic.

import { CaptureError } from "../core/errors.ts";
import type { SourceIdentity } from "../core/position.ts";
import type { SnapshotLedger, SnapshotState } from "../core/snapshot_state.ts";
import type { DeliveryGuarantee } from "../pipeline/ports.ts";
import {
  CommittedRecords,
  OWN_BATCH_BYTES_MAX,
  placeInLog,
  type ReadableLog,
  type UndecidedPolicy,
  UNTRUSTED,
} from "./committed_records.ts";
import { type LogBatch, readLogRecords } from "./log_batches.ts";
import {
  decodeHoldsUnshown,
  decodeRequestsTaken,
  decodeSnapshotKey,
  decodeSnapshotState,
  describeSnapshotKey,
  encodeSnapshotKey,
  type SnapshotKey,
} from "./snapshot_record.ts";

/** How far to trust the records of the log. */
export interface SnapshotTrust {
  /**
   * With exactly-once delivery pg-capture writes each record in a transaction, so any other record is
   * refused. It is not skipped, because compaction may have removed the real record because of it.
   */
  readonly delivery: DeliveryGuarantee;
  readonly undecided: UndecidedPolicy;
}

/** Reads the delivered states of one source's snapshots: the whole log once, then only what was added. */
export class SnapshotReader {
  readonly #log: ReadableLog;
  readonly #trust: SnapshotTrust;
  readonly #records: CommittedRecords<Records>;
  readonly #states = new Map<string, SnapshotState>();
  #requestsTaken: bigint | null = null;
  #holdsUnshown = false;
  /** The offset up to which the log has been read; undefined until its start is known. */
  #end: bigint | undefined;

  constructor(log: ReadableLog, identity: SourceIdentity, trust: SnapshotTrust) {
    this.#log = log;
    this.#trust = trust;
    this.#records = committedRecords(log, identity);
  }

  /**
   * Reads up to the end of the log. It must not be used after an error.
   * @throws CaptureError `position-conflict` if the last record of a key cannot be read or trusted,
   *   `kafka-unclear` if a transaction is undecided and `undecided` is "refuse"
   */
  async read(): Promise<SnapshotLedger> {
    const from = this.#end ?? await this.#log.start();
    this.#end = await this.#log.end();
    for (const [key, found] of await this.#lastBetween(from, this.#end)) this.#apply(key, found);
    return {
      states: [...this.#states.values()],
      requestsTaken: this.#requestsTaken,
      ...(this.#holdsUnshown ? { holdsUnshown: true } : {}),
    };
  }

  async #lastBetween(from: bigint, end: bigint): Promise<Records> {
    const last = new Map<string, Found>();
    for await (const { content, isTransactional } of this.#records.between(from, end)) {
      const isTrusted = isTransactional || this.#trust.delivery === "at-least-once";
      for (const [key, found] of content) last.set(key, isTrusted ? found : asUntrusted(found));
    }
    if (this.#records.isUndecided && this.#trust.undecided === "refuse") {
      throw new CaptureError(
        "kafka-unclear",
        "Cannot read the states of snapshots in Kafka: their last transaction is neither committed nor aborted",
      );
    }
    return last;
  }

  #apply(text: string, { key, offset, value, refused }: Found): void {
    const place = placeInLog(this.#log, offset);
    if (refused !== undefined) throw refusal(key, this.#log.topic, place, refused);
    try {
      if (key?.kind === "state") {
        if (value === null) this.#states.delete(text);
        else this.#states.set(text, decodeSnapshotState(key, value));
      } else if (key?.kind === "holds-unshown") {
        this.#holdsUnshown = value !== null && decodeHoldsUnshown(value);
      } else {
        this.#requestsTaken = value === null ? null : decodeRequestsTaken(value);
      }
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      const { kind, message, hint } = error;
      const options = { ...(hint === undefined ? {} : { hint }), cause: error };
      throw new CaptureError(kind, `${message} (${place})`, options);
    }
  }
}

/**
 * Reads the keys of all existing records of this source, no matter who wrote them.
 * @throws CaptureError `position-conflict` if a batch cannot be read
 */
export async function readSnapshotKeys(
  log: ReadableLog,
  identity: SourceIdentity,
): Promise<readonly Uint8Array[]> {
  const [start, end] = [await log.start(), await log.end()];
  const last = new Map<string, Found>();
  for await (const { content, isTransactional } of committedRecords(log, identity).between(start, end)) {
    for (const [text, found] of content) {
      const { key, offset, refused, value } = found;
      if (refused !== undefined) throw refusal(key, log.topic, placeInLog(log, offset), refused);
      // If exactly-once delivery would refuse a tombstone, another one has to follow it.
      if (value === null && isTransactional) last.delete(text);
      else last.set(text, found);
    }
  }
  return [...last.values()].flatMap(({ key }) => key === undefined ? [] : [encodeSnapshotKey(identity, key)]);
}

/** The last record of a key, or of a batch that can't be read. */
interface Found {
  /** Undefined for a batch that can't be read. */
  readonly key: SnapshotKey | undefined;
  readonly offset: bigint;
  /** Null for a tombstone. */
  readonly value: Uint8Array | null;
  /** Why the record must not be used. */
  readonly refused: string | undefined;
}

/** Records by the text of the key; empty for unreadable batches, which no later record makes harmless. */
type Records = ReadonlyMap<string, Found>;

function committedRecords(log: ReadableLog, identity: SourceIdentity): CommittedRecords<Records> {
  return new CommittedRecords(log, (batch, before) => recordsOf(batch, identity, before));
}

async function recordsOf(
  batch: LogBatch,
  identity: SourceIdentity,
  before: Records | undefined,
): Promise<Records | undefined> {
  const records = new Map(before);
  try {
    for await (const { offset, key: bytes, value } of readLogRecords(batch, OWN_BATCH_BYTES_MAX)) {
      const key = bytes === null ? undefined : decodeSnapshotKey(identity, bytes);
      if (key === undefined) continue;
      // A copy, as the batch is a view of everything that one request has read.
      records.set(describeSnapshotKey(key), {
        key,
        offset,
        value: value?.slice() ?? null,
        refused: undefined,
      });
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    records.set("", { key: undefined, offset: batch.baseOffset, value: null, refused: error.message });
  }
  return records.size === 0 ? undefined : records;
}

function asUntrusted(found: Found): Found {
  return { ...found, refused: found.refused ?? UNTRUSTED };
}

function refusal(key: SnapshotKey | undefined, topic: string, place: string, why: string): CaptureError {
  const what = key === undefined ? "the states of snapshots" : describeSnapshotKey(key);
  return new CaptureError("position-conflict", `Cannot trust ${what} in Kafka (${place}): ${why}`, {
    hint: "find out who may write to this topic, and allow only pg-capture to (SECURITY.md); with " +
      "KAFKA_DELIVERY=at-least-once, pg-capture itself writes outside of transactions. To forget all snapshots " +
      `with this topic prefix, delete the topic: kafka-topics.sh --bootstrap-server BROKER --delete --topic ${topic}; ` +
      "with SNAPSHOT_MODE=initial, all rows are then sent again",
  });
}
