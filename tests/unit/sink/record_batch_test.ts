// Record batches are what Kafka stores: kafkajs's decoder and our own reader read them back.

import { NO_HEADERS, type RecordHeader } from "../../../src/core/encoded_record.ts";
import { utf8 } from "../../../src/core/utf8.ts";
import { Buffer } from "node:buffer";
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { ArenaPool } from "../../../src/sink/arena_pool.ts";
import { type Compression, loadCompressor } from "../../../src/sink/compression.ts";
import { readLogBatches, readLogRecords } from "../../../src/sink/log_batches.ts";
import { lengthAlone, RecordBatch, recordLengthMax } from "../../../src/sink/record_batch.ts";
import { kafkaClient } from "../../../dev/servers/kafka_client.ts";

interface Sample {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

/** What kafkajs makes of a batch. */
interface DecodedBatch {
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly inTransaction: boolean;
  readonly records: readonly {
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
    readonly timestamp: string;
    readonly offset: string;
    readonly headers: Readonly<Record<string, Uint8Array | null>>;
  }[];
}

const STAMP = { producerId: 4711n, producerEpoch: 7, baseSequence: 42, isTransactional: true };
const COMPRESSIONS: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

Deno.test("kafkajs decodes a batch in every codec", async () => {
  kafkaClient("127.0.0.1:1"); // teaches kafkajs all codecs
  const samples = [
    sample('{"id":1}', `{"name":"${"John ".repeat(200)}"}`, 1_700_000_000_000),
    sample(null, '{"op":"TRUNCATE"}', 1_700_000_000_123),
    sample('{"id":2}', null, 1_699_999_000_000),
    sample("", "", 1_700_000_000_124),
  ];
  for (const compression of COMPRESSIONS) {
    const decoded = await decodeWithKafkajs(await encode(samples, compression));
    assert.deepEqual(decoded.records.map(({ key, value }) => ({ key: text(key), value: text(value) })), [
      { key: '{"id":1}', value: `{"name":"${"John ".repeat(200)}"}` },
      { key: null, value: '{"op":"TRUNCATE"}' },
      { key: '{"id":2}', value: null },
      { key: "", value: "" },
    ]);
    assert.deepEqual(
      decoded.records.map(({ timestamp }) => Number(timestamp)),
      samples.map((s) => s.timestampMs),
    );
    assert.deepEqual(decoded.records.map(({ offset }) => Number(offset)), [0, 1, 2, 3]);
    assert.equal(Number(decoded.firstTimestamp), 1_700_000_000_000);
    assert.equal(Number(decoded.maxTimestamp), 1_700_000_000_124);
    assert.deepEqual([decoded.producerId, decoded.producerEpoch, decoded.firstSequence], ["4711", 7, 42]);
    assert.equal(decoded.inTransaction, true);
  }
});

Deno.test("any records in any codec read back as they were written", async () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(null));
  const anySample = fc.record({
    key: bytes,
    value: bytes,
    timestampMs: fc.integer({ min: -1e14, max: 1e14 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anySample, { minLength: 1, maxLength: 50 }),
      fc.constantFrom(...COMPRESSIONS),
      async (samples, compression) => {
        const [batch, ...more] = readLogBatches(await encode(samples, compression));
        assert(batch !== undefined && more.length === 0);
        const records = await Array.fromAsync(readLogRecords(batch, 1 << 20));
        assert.deepEqual(records.map(({ key, value }) => [hex(key), hex(value)]), samples.map(hexOf));
        assert.equal(batch.kind, "transactional");
        assert.equal(batch.lastOffset, BigInt(samples.length - 1));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("the length of a batch of one record is known beforehand, the most with one more too", () => {
  fc.assert(fc.property(fc.nat(70_000), fc.option(fc.nat(300)), (valueBytes, keyBytes) => {
    const record = encodedRecord({
      key: keyBytes === null ? null : new Uint8Array(keyBytes),
      value: new Uint8Array(valueBytes),
      timestampMs: 0,
    }, keyBytes === null ? NO_HEADERS : [{ name: utf8("h"), value: new Uint8Array(keyBytes) }]);
    const batch = new RecordBatch("t", 0, new ArenaPool(1 << 20));
    batch.append(record, 1_700_000_000_000);
    assert.equal(batch.length, lengthAlone(record));
    const bound = batch.length + recordLengthMax(record);
    batch.append(record, 0);
    assert(batch.length <= bound);
  }));
});

Deno.test("headers are read back as they were written, empty and null values too", async () => {
  const headers: readonly RecordHeader[] = [
    { name: utf8("origin"), value: utf8("shop.public.users") },
    { name: utf8("größe"), value: new Uint8Array(0) },
    { name: utf8("none"), value: null },
  ];
  const batch = new RecordBatch("t", 0, new ArenaPool(1 << 20));
  batch.append(encodedRecord(sample("a", "1", 0), headers), 0);
  batch.append(encodedRecord(sample("b", "2", 0)), 0);
  const { records } = await decodeWithKafkajs(batch.finish(STAMP, null));
  assert.deepEqual(
    records.map(({ headers }) => Object.entries(headers).map(([name, value]) => [name, text(value)])),
    [
      [["origin", "shop.public.users"], ["größe", ""], ["none", null]],
      [],
    ],
  );
});

Deno.test("records that compression would make larger are sent as they are", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(5000));
  for (const compression of COMPRESSIONS) {
    const bytes = await encode([{ key: null, value: noise, timestampMs: 0 }], compression);
    const record = encodedRecord({ key: null, value: noise, timestampMs: 0 });
    assert(bytes.length <= lengthAlone(record));
    assert.equal(readLogBatches(bytes)[0]?.codec, 0);
  }
});

Deno.test("a cleared batch starts anew, and its buffer is used again", async () => {
  const pool = new ArenaPool(1 << 20);
  const batch = new RecordBatch("t", 0, pool);
  const first = fill(batch, [sample("a", "1".repeat(100_000), 5)]);
  batch.clear();
  const keptBytes = pool.keptBytes;
  assert(keptBytes >= 100_000);
  const second = fill(batch, [sample("b", "2", 9)]);
  assert.equal(second.buffer, first.buffer);
  const decoded = await decodeWithKafkajs(second);
  assert.deepEqual(decoded.records.map(({ key, value }) => [text(key), text(value)]), [["b", "2"]]);
  assert.equal(decoded.firstTimestamp, "9");
});

Deno.test("what is kept of buffers is bounded, and large ones stay longest", () => {
  const pool = new ArenaPool(64 * 1024);
  const large = pool.acquire(32 * 1024);
  for (const buffer of Array.from({ length: 1000 }, () => pool.acquire(1))) pool.release(buffer);
  assert.equal(pool.keptBytes, 64 * 1024);
  pool.release(large);
  assert.equal(pool.keptBytes, 64 * 1024);
  assert.equal(pool.acquireKept(20_000), large);
  pool.release(pool.acquire(1 << 20));
  assert(pool.keptBytes <= 64 * 1024);
});

async function encode(samples: readonly Sample[], compression: Compression): Promise<Uint8Array> {
  const batch = new RecordBatch("t", 0, new ArenaPool(1 << 20));
  for (const each of samples) batch.append(encodedRecord(each), each.timestampMs);
  return batch.finish(STAMP, await loadCompressor(compression));
}

function fill(batch: RecordBatch, samples: readonly Sample[]): Uint8Array {
  for (const each of samples) batch.append(encodedRecord(each), each.timestampMs);
  return batch.finish(STAMP, null);
}

function sample(key: string | null, value: string | null, timestampMs: number): Sample {
  return { key: bytesOf(key), value: bytesOf(value), timestampMs };
}

function encodedRecord({ key, value }: Sample, headers = NO_HEADERS) {
  const bytes = Buffer.concat([
    key ?? new Uint8Array(),
    value ?? new Uint8Array(),
    Buffer.from("left from before"),
  ]);
  const keyEnd = key === null ? -1 : key.length;
  const valueEnd = value === null ? -1 : Math.max(keyEnd, 0) + value.length;
  return { bytes, keyEnd, valueEnd, headers };
}

async function decodeWithKafkajs(bytes: Uint8Array): Promise<DecodedBatch> {
  const { default: Decoder } = await import("kafkajs/src/protocol/decoder.js");
  const { default: decodeBatch } = await import("kafkajs/src/protocol/recordBatch/v0/decoder.js");
  return await decodeBatch(new Decoder(Buffer.from(bytes)));
}

function bytesOf(value: string | null): Uint8Array | null {
  return value === null ? null : new TextEncoder().encode(value);
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

function hexOf({ key, value }: Sample): (string | null)[] {
  return [hex(key), hex(value)];
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("hex");
}
