// Kafka's protocol on the wire: whatever a broker sends, there is an answer or a CaptureError, and never a hang.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { CaptureError } from "../../../../src/core/errors.ts";
import { addPartitionsToTxn } from "../../../../src/sink/wire/apis/add_partitions_to_txn.ts";
import { apiVersions } from "../../../../src/sink/wire/apis/api_versions.ts";
import { createTopics } from "../../../../src/sink/wire/apis/create_topics.ts";
import { endTxn } from "../../../../src/sink/wire/apis/end_txn.ts";
import { fetch } from "../../../../src/sink/wire/apis/fetch.ts";
import { findCoordinator } from "../../../../src/sink/wire/apis/find_coordinator.ts";
import { initProducerId } from "../../../../src/sink/wire/apis/init_producer_id.ts";
import { listOffsets } from "../../../../src/sink/wire/apis/list_offsets.ts";
import { metadata } from "../../../../src/sink/wire/apis/metadata.ts";
import { produce } from "../../../../src/sink/wire/apis/produce.ts";
import { readLogBatches, readLogRecords } from "../../../../src/sink/log_batches.ts";
import { BufferReader } from "../../../../src/sink/wire/buffer_reader.ts";
import { BufferWriter } from "../../../../src/sink/wire/buffer_writer.ts";
import { Connection } from "../../../../src/sink/wire/connection.ts";
import { PLAINTEXT } from "../../../../src/sink/wire/security.ts";
import { crc32c } from "../../../../src/sink/wasm_codecs.ts";
import { apiKeyOf, FakeBroker, response } from "../../../support/fake_broker.ts";

const OPTIONS = { clientId: "test", connectTimeoutMs: 1000, requestTimeoutMs: 300, security: PLAINTEXT };
const FOREVER = new AbortController().signal;

Deno.test("random bytes are a response or a CaptureError, for every API and version", () => {
  const apis = [
    addPartitionsToTxn,
    apiVersions,
    createTopics,
    endTxn,
    fetch,
    findCoordinator,
    initProducerId,
    listOffsets,
    metadata,
    produce,
  ];
  // Small numbers make lengths that are nearly right.
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200, max: 3 }));
  fc.assert(
    fc.property(fc.constantFrom(...apis), fc.boolean(), bytes, (api, oldest, body) => {
      onlyCaptureErrors(() => api.decode(new BufferReader(body), oldest ? api.versionMin : api.versionMax));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("random bytes are record batches or a CaptureError", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(7),
      fc.nat(3),
      async (bytes, attributes, kind) => {
        onlyCaptureErrors(() => readLogBatches(bytes));
        const batch = new Uint8Array([...new Uint8Array(61), ...bytes]);
        const header = new DataView(batch.buffer);
        header.setInt32(8, batch.length - 12);
        header.setInt8(16, 2);
        header.setInt16(21, attributes | kind << 4);
        header.setInt32(57, 1 + (bytes[0] ?? 0) % 3);
        header.setUint32(17, crc32c(batch.subarray(21)));
        await onlyCaptureErrorsAsync(async () => {
          for (const read of readLogBatches(batch)) await Array.fromAsync(readLogRecords(read, 1 << 20));
        });
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("what the writer writes, the reader reads", () => {
  fc.assert(fc.property(
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.option(fc.string({ unit: "grapheme", maxLength: 9000 })),
    fc.nat(),
    (int32, int64, text, unsigned) => {
      const writer = new BufferWriter();
      writer.int32(int32);
      writer.int64(int64);
      writer.string(text);
      writer.compactString(text);
      writer.unsignedVarint(unsigned);
      const reader = new BufferReader(whole(writer));
      assert.equal(reader.int32(), int32);
      assert.equal(reader.int64(), int64);
      assert.equal(reader.nullableString(), text);
      assert.equal(reader.compactNullableString(), text);
      assert.equal(reader.unsignedVarint(), unsigned);
      assert.equal(reader.remaining, 0);
    },
  ));
});

Deno.test("large records are sent from where they lie, between the bytes around them", () => {
  const writer = new BufferWriter();
  const large = crypto.getRandomValues(new Uint8Array(50_000));
  const small = new Uint8Array([1, 2, 3]);
  writer.int8(7);
  writer.compactRecords(large);
  writer.compactRecords(small);
  writer.compactRecords(large);
  assert.equal(writer.chunks().filter((chunk) => chunk === large).length, 2);
  const reader = new BufferReader(whole(writer));
  assert.equal(reader.int8(), 7);
  assert.equal(writer.length, reader.remaining + 1);
  for (const records of [large, small, large]) {
    assert.deepEqual(reader.bytes(reader.unsignedVarint() - 1), records);
  }
  writer.reset();
  assert.equal(writer.length, 0);
  assert.deepEqual(writer.chunks(), []);
});

Deno.test("a broker that knows only version 0 of ApiVersions is asked again", async () => {
  await using broker = new FakeBroker((frame) => {
    const version = new DataView(frame.buffer).getInt16(6);
    const onlyMetadata = [0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 4];
    return response(frame, version === 0 ? onlyMetadata : [0, 35, 0, 0, 0, 0]);
  });
  const connection = await Connection.open(broker.address, OPTIONS, FOREVER);
  await rejectsWith("kafka-refused", () => connection.request(produce, PRODUCE, FOREVER));
  connection.close();
});

Deno.test("a server that is no Kafka broker is an error, with a possible reason", async () => {
  const greetings = [
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "kafka-unavailable", /broker 127.0.0.1:\d+.*from a web server/],
    ["\x15\x03\x03\x00\x02\x02\x46", "kafka-refused", /broker 127.0.0.1:\d+: the port uses TLS/],
  ] as const;
  for (const [greeting, kind, message] of greetings) {
    await using broker = new FakeBroker(() => new TextEncoder().encode(greeting));
    await rejectsWith(kind, () => Connection.open(broker.address, OPTIONS, FOREVER), message);
  }
});

Deno.test("a broker that never answers is given up", async () => {
  await using broker = new FakeBroker(() => null);
  await rejectsWith(
    "kafka-silent",
    () => Connection.open(broker.address, OPTIONS, FOREVER),
    /within 0.3 s/,
  );
});

Deno.test("a response to a request that nobody sent is an error", async () => {
  await using broker = new FakeBroker((frame) => {
    const answer = response(frame, VERSIONS);
    new DataView(answer.buffer).setInt32(4, 4711);
    return answer;
  });
  await rejectsWith(
    "kafka-unavailable",
    () => Connection.open(broker.address, OPTIONS, FOREVER),
    /answers no request/,
  );
});

Deno.test("responses are taken as they come: a byte at a time, and several at once", async () => {
  let held: number[] = [];
  await using broker = new FakeBroker((frame, write) => {
    const answer = response(frame, apiKeyOf(frame) === 18 ? VERSIONS : METADATA);
    if (apiKeyOf(frame) === 18) {
      for (const byte of answer) write(new Uint8Array([byte]));
    } else {
      held.push(...answer);
      if (held.length > answer.length * 2) write(new Uint8Array(held));
    }
    return null;
  });
  const connection = await Connection.open(broker.address, OPTIONS, FOREVER);
  const answers = await Promise.all(
    [1, 2, 3].map(() => connection.request(metadata, { topics: [] }, FOREVER)),
  );
  assert.deepEqual(answers.map(({ controllerId }) => controllerId), [5, 5, 5]);
  held = [];
  connection.close();
});

Deno.test("when the broker goes, whatever waits is rejected at once, and the connection is not open", async () => {
  await using broker = new FakeBroker((frame) =>
    apiKeyOf(frame) === 18 ? response(frame, VERSIONS) : "close"
  );
  const connection = await Connection.open(broker.address, { ...OPTIONS, requestTimeoutMs: 60_000 }, FOREVER);
  const waiting = [1, 2, 3].map(() => connection.request(metadata, { topics: [] }, FOREVER));
  for (const each of waiting) await rejectsWith("kafka-unavailable", () => each, /closed|reset|broken/i);
  assert.equal(connection.isOpen, false);
  await rejectsWith("kafka-unavailable", () => connection.request(metadata, { topics: [] }, FOREVER));
});

Deno.test("a request that is given up does not harm the ones after it", async () => {
  let asked = 0;
  await using broker = new FakeBroker((frame, write) => {
    if (apiKeyOf(frame) === 18) return response(frame, VERSIONS);
    if (++asked === 2) { for (const answer of answers) write(answer); }
    answers.push(response(frame, METADATA));
    return asked === 2 ? answers.at(-1) ?? null : null;
  });
  const answers: Uint8Array[] = [];
  const connection = await Connection.open(broker.address, OPTIONS, FOREVER);
  const abort = new AbortController();
  const first = connection.request(metadata, { topics: [] }, abort.signal);
  const isAborted = assert.rejects(first, (reason) => reason === "enough");
  await new Promise((resolve) => setTimeout(resolve, 50));
  abort.abort("enough");
  await isAborted;
  assert.equal((await connection.request(metadata, { topics: [] }, FOREVER)).controllerId, 5);
  connection.close();
});

Deno.test("a request given up half written closes the connection", async () => {
  await using broker = new FakeBroker((frame) => response(frame, VERSIONS), { readOnce: true });
  const connection = await Connection.open(broker.address, { ...OPTIONS, requestTimeoutMs: 60_000 }, FOREVER);
  const abort = new AbortController();
  const records = new Uint8Array(20_000_000);
  const request = { ...PRODUCE, topics: [{ topic: "t", partitions: [{ partition: 0, records }] }] };
  const sending = assert.rejects(
    connection.request(produce, request, abort.signal),
    (reason) => reason === "enough",
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  abort.abort("enough");
  await sending;
  assert.equal(connection.isOpen, false);
});

Deno.test("a port where nobody listens is said so", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await rejectsWith(
    "kafka-unavailable",
    () => Connection.open({ host: "127.0.0.1", port }, OPTIONS, FOREVER),
    new RegExp(`127\\.0\\.0\\.1:${port}.*refused`, "i"),
  );
});

const PRODUCE = { transactionalId: null, acks: 1, timeoutMs: 1, topics: [] } as const;

/** ApiVersions 3: no error; ApiVersions, Metadata and Produce; a tagged field, of a feature. */
const VERSIONS = [
  ...[0, 0, 4],
  ...[0, 18, 0, 0, 0, 3, 0],
  ...[0, 3, 0, 0, 0, 12, 0],
  ...[0, 0, 0, 3, 0, 12, 0],
  ...[0, 0, 0, 0],
  ...[1, 2, 26, 2, 20, ...new TextEncoder().encode("transaction.version"), 0, 2, 0, 0, 0],
];
/** Metadata 4: no brokers, cluster id null, controller 5, no topics. */
const METADATA = [0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 5, 0, 0, 0, 0];

function whole(writer: BufferWriter): Uint8Array {
  return new Uint8Array(writer.chunks().flatMap((chunk) => [...chunk]));
}

async function rejectsWith(kind: string, act: () => Promise<unknown>, message = /./): Promise<void> {
  await assert.rejects(act, (error) => {
    assert(error instanceof CaptureError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    return true;
  });
}

function onlyCaptureErrors(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
  }
}

async function onlyCaptureErrorsAsync(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
  }
}
