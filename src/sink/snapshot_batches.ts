// Builds the record batches of the state topic.

import { advice, setting } from "../core/advice.ts";
import type { EncodedRecord } from "../core/encoded_record.ts";
import { CaptureError } from "../core/errors.ts";
import type { SourceIdentity } from "../core/position.ts";
import type { SnapshotNotes } from "../core/snapshot_state.ts";
import type { ArenaPool } from "./arena_pool.ts";
import { OWN_BATCH_BYTES_MAX } from "./committed_records.ts";
import { ownRecord } from "./own_record.ts";
import { lengthAlone, RecordBatch, recordLengthMax } from "./record_batch.ts";
import {
  encodeHoldsUnshown,
  encodeRequestsTaken,
  encodeSnapshotKey,
  encodeSnapshotState,
} from "./snapshot_record.ts";

/** Encodes notes as records. */
export function* recordsOfNotes(
  identity: SourceIdentity,
  { states, requestsTaken, holdsUnshown }: SnapshotNotes,
): Generator<EncodedRecord> {
  for (const state of states) {
    const { schema, table } = state;
    yield ownRecord(
      encodeSnapshotKey(identity, { kind: "state", schema, table }),
      encodeSnapshotState(state),
    );
  }
  if (requestsTaken !== null) {
    yield ownRecord(
      encodeSnapshotKey(identity, { kind: "requests-taken" }),
      encodeRequestsTaken(requestsTaken),
    );
  }
  if (holdsUnshown !== undefined) {
    yield ownRecord(
      encodeSnapshotKey(identity, { kind: "holds-unshown" }),
      encodeHoldsUnshown(holdsUnshown),
    );
  }
}

/** The topic of the batches and their size limit. */
interface BatchTarget {
  readonly topic: string;
  readonly pool: ArenaPool;
  /** The broker's limit for one record batch, here applied to its uncompressed size. */
  readonly maxMessageBytes: number;
}

/**
 * Puts the records into as few batches as their limit allows.
 * @param timestampMs milliseconds since 1970
 * @throws CaptureError `record-too-large` if one record exceeds the limit
 */
export function snapshotBatches(
  records: Iterable<EncodedRecord>,
  { topic, pool, maxMessageBytes }: BatchTarget,
  timestampMs: number,
): readonly RecordBatch[] {
  const bytesMax = Math.min(maxMessageBytes, OWN_BATCH_BYTES_MAX);
  const batches: RecordBatch[] = [];
  for (const record of records) {
    let batch = batches.at(-1);
    if (batch === undefined || batch.length + recordLengthMax(record) > bytesMax) {
      const bytes = lengthAlone(record);
      if (bytes > bytesMax) throw tooLarge(record, bytes, bytesMax);
      batch = new RecordBatch(topic, 0, pool);
      batches.push(batch);
    }
    batch.append(record, timestampMs);
  }
  return batches;
}

const ADVICE = advice`raise max.message.bytes of the topic and ${
  setting("kafka.max_message_bytes")
}, to at most ${OWN_BATCH_BYTES_MAX}`;

function tooLarge({ bytes, keyEnd }: EncodedRecord, length: number, lengthMax: number): CaptureError {
  const key = new TextDecoder().decode(bytes.subarray(0, keyEnd));
  return new CaptureError(
    "record-too-large",
    `Cannot keep the state of a snapshot: record ${key} needs ${length} bytes, at most ${lengthMax} are possible`,
    lengthMax < OWN_BATCH_BYTES_MAX ? { hint: ADVICE } : {},
  );
}
