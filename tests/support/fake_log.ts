// A partition's log in memory, made of real record batches.

import { ArenaPool } from "../../src/sink/arena_pool.ts";
import type { ReadableLog } from "../../src/sink/committed_records.ts";
import type { Compressor } from "../../src/sink/compression.ts";
import { ownRecord } from "../../src/sink/own_record.ts";
import { RecordBatch } from "../../src/sink/record_batch.ts";
import { crc32c } from "../../src/sink/wasm_codecs.ts";

/** A record's key, and its value or null for a tombstone. */
export type FakeRecord = readonly [key: Uint8Array, value: Uint8Array | null];

export class FakeLog implements ReadableLog {
  readonly topic: string;
  readonly partition = 0;
  startOffset = 0n;
  endOffset = 0n;
  readonly batches: { readonly offset: bigint; readonly last: bigint; readonly bytes: Uint8Array }[] = [];
  readonly readOffsets: bigint[] = [];

  constructor(topic: string) {
    this.topic = topic;
  }

  start(): Promise<bigint> {
    return Promise.resolve(this.startOffset);
  }

  end(): Promise<bigint> {
    return Promise.resolve(this.endOffset);
  }

  /** A few whole batches, from the one that holds `offset` on, and the beginning of the next. */
  read(offset: bigint): Promise<Uint8Array> {
    this.readOffsets.push(offset);
    const from = this.batches.findIndex(({ last }) => last >= offset);
    if (from < 0) return Promise.resolve(new Uint8Array());
    const next = this.batches[from + 7]?.bytes.subarray(0, 40) ?? new Uint8Array();
    const bytes = [...this.batches.slice(from, from + 7).map((batch) => batch.bytes), next];
    return new Blob(bytes.map((part) => new Uint8Array(part))).bytes();
  }

  /** A batch outside of a transaction. */
  plain(...records: readonly FakeRecord[]): void {
    this.#add(newBatch(records).finish(stamp(-1n, false), null));
  }

  /** A batch of the producer's open transaction. */
  transactional(
    producerId: bigint,
    records: readonly FakeRecord[],
    compressor: Compressor | null = null,
  ): void {
    this.#add(newBatch(records).finish(stamp(producerId, true), compressor));
  }

  /** A transactional batch with these bytes for its records. */
  opaque(producerId: bigint, codec: number, records: Uint8Array): void {
    const header = this.#header(producerId);
    const bytes = new Uint8Array(header.length + records.length);
    bytes.set(header);
    bytes.set(records, header.length);
    this.#add(rewritten(bytes, (view) => {
      view.setInt32(8, bytes.length - 12);
      view.setInt16(21, 0x10 | codec);
    }));
  }

  marker(producerId: bigint, end: "commit" | "abort"): void {
    const key = new Uint8Array([0, 0, 0, end === "commit" ? 1 : 0]);
    const bytes = newBatch([[key, new Uint8Array(6)]]).finish(stamp(producerId, true), null);
    this.#add(rewritten(bytes, (header) => header.setInt16(21, 0x30)));
  }

  /** What compaction keeps of a producer's last batch: the header. */
  emptyBatch(producerId: bigint): void {
    this.#add(rewritten(this.#header(producerId), (header) => {
      header.setInt32(8, 49);
      header.setInt32(57, 0);
    }));
  }

  hole(offsets: bigint): void {
    this.endOffset += offsets;
  }

  #header(producerId: bigint): Uint8Array {
    return newBatch([[new Uint8Array(1), null]]).finish(stamp(producerId, true), null).slice(0, 61);
  }

  #add(bytes: Uint8Array): void {
    const header = new DataView(bytes.buffer, bytes.byteOffset);
    header.setBigInt64(0, this.endOffset);
    const last = this.endOffset + BigInt(header.getInt32(23));
    this.batches.push({ offset: this.endOffset, last, bytes });
    this.endOffset = last + 1n;
  }
}

function newBatch(records: readonly FakeRecord[]): RecordBatch {
  const batch = new RecordBatch("t", 0, new ArenaPool(1 << 20));
  for (const [key, value] of records) batch.append(ownRecord(key, value), 0);
  return batch;
}

function stamp(producerId: bigint, isTransactional: boolean) {
  return { producerId, producerEpoch: 0, baseSequence: 0, isTransactional };
}

function rewritten(bytes: Uint8Array, change: (header: DataView) => void): Uint8Array {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  change(header);
  header.setUint32(17, crc32c(bytes.subarray(21)));
  return bytes;
}
