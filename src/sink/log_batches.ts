// Reads record batches as brokers return them from their log.

import { decompress } from "./compression.ts";
import { crc32c } from "./wasm_codecs.ts";
import { BufferReader, malformed } from "./wire/buffer_reader.ts";

/** A record batch of the log, its records still compressed. */
export interface LogBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly producerId: bigint;
  /** A marker ends the transaction of its producer in this partition. */
  readonly kind: "plain" | "transactional" | "commit-marker" | "abort-marker";
  readonly codec: number;
  readonly times: BatchTimes;
  /** 0 if compaction removed all of them. */
  readonly recordCount: number;
  readonly records: Uint8Array;
}

/** Determines the times of a batch's records, in milliseconds since 1970. */
interface BatchTimes {
  readonly base: bigint;
  /** When the broker appended the batch; undefined if each record has its own time. */
  readonly appended: bigint | undefined;
}

/** A record's offset, time, key and value. */
export interface LogRecord {
  readonly offset: bigint;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/**
 * The complete batches in `bytes`, without an incomplete one at the end.
 * @throws CaptureError if the bytes are not record batches of version 2
 */
export function readLogBatches(bytes: Uint8Array): LogBatch[] {
  const batches: LogBatch[] = [];
  const reader = new BufferReader(bytes);
  while (reader.remaining >= LENGTH_END) {
    const baseOffset = reader.int64();
    const length = reader.int32();
    if (length < HEADER_BYTES - LENGTH_END) throw malformed(`a record batch of ${length} bytes`);
    if (length > reader.remaining) break;
    batches.push(readBatch(baseOffset, reader.bytes(length)));
  }
  return batches;
}

/**
 * The records of a batch, one by one.
 * @param bytesMax limit of all records, decompressed
 * @throws CaptureError if they do not match the batch's header, or exceed `bytesMax`
 */
export async function* readLogRecords(batch: LogBatch, bytesMax: number): AsyncGenerator<LogRecord> {
  const reader = new BufferReader(await decompressed(batch, bytesMax));
  for (let count = 0; count < batch.recordCount; count++) yield readRecord(reader, batch);
}

const LENGTH_END = 12;
const HEADER_BYTES = 61;
const CRC_START = 9; // of what follows the length: the attributes

function readBatch(baseOffset: bigint, bytes: Uint8Array): LogBatch {
  const reader = new BufferReader(bytes);
  reader.int32(); // partition leader epoch
  const magic = reader.int8();
  if (magic !== 2) throw malformed(`a record batch of version ${magic}`);
  if (reader.uint32() !== crc32c(bytes.subarray(CRC_START))) {
    throw malformed("a record batch with a wrong checksum");
  }
  const attributes = reader.int16();
  const lastOffset = baseOffset + BigInt(reader.int32());
  const base = reader.int64();
  const latest = reader.int64();
  const producerId = reader.int64();
  reader.skip(6); // producer epoch, base sequence
  const recordCount = reader.int32();
  const records = reader.bytes(reader.remaining);
  if (recordCount < 0 || lastOffset < baseOffset) throw malformed("a record batch with a negative count");
  const isTransactional = (attributes & 0x10) !== 0;
  const isControl = (attributes & 0x20) !== 0;
  const kind = isControl ? markerKind(records, recordCount) : isTransactional ? "transactional" : "plain";
  const times = { base, appended: (attributes & 0x08) === 0 ? undefined : latest };
  return { baseOffset, lastOffset, producerId, kind, codec: attributes & 7, times, recordCount, records };
}

/**
 * A control record's key is its version and its type: https://kafka.apache.org/documentation/#controlbatch
 */
function markerKind(records: Uint8Array, recordCount: number): "plain" | "commit-marker" | "abort-marker" {
  if (recordCount === 0) return "plain"; // compaction removed the marker, after its records
  const { key } = readRecord(new BufferReader(records), NO_BATCH);
  if (key === null) throw malformed("a control record without a key");
  const reader = new BufferReader(key);
  reader.int16(); // version
  const type = reader.int16();
  return type === 1 ? "commit-marker" : type === 0 ? "abort-marker" : "plain";
}

/** For a record whose offset and time do not matter. */
const NO_BATCH = { baseOffset: 0n, times: { base: 0n, appended: undefined } } as const;

function readRecord(
  reader: BufferReader,
  { baseOffset, times: { base, appended } }: Pick<LogBatch, "baseOffset" | "times">,
): LogRecord {
  const record = new BufferReader(reader.bytes(reader.varint()));
  record.int8(); // attributes
  const delta = record.varlong();
  const timeMs = Number(appended ?? base + delta);
  const offset = baseOffset + BigInt(record.varint());
  return { offset, timeMs, key: readBytes(record), value: readBytes(record) };
}

function readBytes(record: BufferReader): Uint8Array | null {
  const length = record.varint();
  return length < 0 ? null : record.bytes(length);
}

async function decompressed({ codec, records }: LogBatch, bytesMax: number): Promise<Uint8Array> {
  try {
    return await decompress(codec, records, bytesMax);
  } catch (cause) {
    throw malformed(
      `records that cannot be decompressed (${cause instanceof Error ? cause.message : cause})`,
    );
  }
}
