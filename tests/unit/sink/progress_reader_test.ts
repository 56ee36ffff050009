// The last committed progress record is found, whatever transactions lie around it in the log.

import { NO_HEADERS } from "../../../src/core/encoded_record.ts";
import { strict as assert } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Progress, SourceIdentity } from "../../../src/core/position.ts";
import { ArenaPool } from "../../../src/sink/arena_pool.ts";
import { type Compression, loadCompressor } from "../../../src/sink/compression.ts";
import { type ProgressLog, readProgress } from "../../../src/sink/progress_reader.ts";
import { encodeProgressKey, encodeProgressValue } from "../../../src/sink/progress_record.ts";
import { RecordBatch } from "../../../src/sink/record_batch.ts";
import { crc32c } from "../../../src/sink/wasm_codecs.ts";

const OURS: SourceIdentity = { systemIdentifier: "1", database: "shop", slot: "orders" };
const OTHER: SourceIdentity = { ...OURS, slot: "customers" };

Deno.test("an empty log holds no progress", async () => {
  assert.equal(await readProgress(new FakeLog(), OURS, "refuse"), null);
});

Deno.test("the last committed record counts", async () => {
  const log = new FakeLog();
  for (const seq of [1, 2, 3]) log.transaction(7n, OURS, seq, "commit");
  assert.equal(await seqIn(log), 3);
});

Deno.test("aborted records at the end are ignored, several in a row of one producer too", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  log.transaction(7n, OURS, 2, "abort");
  log.transaction(7n, OURS, 3, "abort");
  log.transaction(8n, OURS, 4, "abort");
  assert.equal(await seqIn(log), 1);
});

Deno.test("an abort between two commits takes only its own record", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  log.transaction(7n, OURS, 2, "abort");
  log.transaction(7n, OURS, 3, "commit");
  assert.equal(await seqIn(log), 3);
});

Deno.test("transactions of other producers interleave without harm", async () => {
  const log = new FakeLog();
  log.batch(7n, OURS, 1, "transactional");
  log.batch(8n, OTHER, 90, "transactional");
  log.marker(8n, "abort");
  log.marker(7n, "commit");
  log.batch(8n, OTHER, 91, "transactional");
  assert.equal(await seqIn(log), 1);
});

Deno.test("the commit of another producer commits nothing of ours", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, 2, "transactional");
  log.batch(8n, OTHER, 90, "transactional");
  log.marker(8n, "commit");
  log.marker(7n, "abort");
  assert.equal(await seqIn(log), 1);
});

Deno.test("a record outside of any transaction is refused with its place, whatever it holds", async () => {
  for (const content of [2, "not JSON", null]) {
    const log = new FakeLog();
    log.transaction(7n, OURS, 1, "commit");
    log.batch(-1n, OURS, content, "plain");
    for (const undecided of ["refuse", "ignore"] as const) {
      await assert.rejects(readProgress(log, OURS, undecided), (error) => {
        assert(error instanceof CaptureError && error.kind === "position-conflict");
        assert.match(
          error.message,
          /topic "cdc\.pg-capture\.progress", partition 0, offset 2\): .*outside of a trans/,
        );
        assert.match(error.fix ?? "", /who may write .*pg-capture teardown --progress --yes/);
        return true;
      });
    }
  }
});

Deno.test("a later record of ours makes one outside of a transaction harmless, and so does its removal", async () => {
  const log = new FakeLog();
  log.batch(-1n, OURS, 90, "plain");
  log.batch(-1n, OTHER, 91, "plain");
  log.transaction(7n, OURS, 2, "commit");
  log.batch(-1n, OTHER, 92, "plain");
  assert.equal(await seqIn(log), 2);
  log.batch(-1n, OURS, 93, "plain");
  log.batch(7n, OURS, null, "transactional");
  log.marker(7n, "commit");
  assert.equal(await readProgress(log, OURS, "refuse"), null);
});

Deno.test("a batch that stands for more than 1 MB is refused with its place, in any codec, and not taken into memory", async () => {
  const bomb = new Uint8Array(240_000_000);
  // Snappy and LZ4 make less of zeros than the others; without compression the log itself holds all of it.
  const sizes = { gzip: 240e6, zstd: 240e6, snappy: 24e6, lz4: 24e6, none: 2e6 } as const;
  for (const compression of ["gzip", "zstd", "snappy", "lz4", "none"] as const) {
    const log = new FakeLog();
    log.transaction(7n, OURS, 1, "commit");
    const compressor = await loadCompressor(compression);
    const payload = bomb.subarray(0, sizes[compression]);
    log.opaque(7n, compressor?.id ?? 0, compressor?.compress(payload) ?? payload);
    assert.equal(await seqIn(log).catch((error) => error.kind), "kafka-unclear", "while it is undecided");
    log.marker(7n, "commit");
    const before = Deno.memoryUsage().rss;
    await assert.rejects(seqIn(log), (error) => {
      assert(error instanceof CaptureError && error.kind === "position-conflict", String(error));
      assert.match(error.message, /partition 0, offset 2\): .*more than 1048576 bytes/);
      return true;
    });
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 16e6, `${compression}: ${grown} bytes`);
    log.transaction(7n, OURS, 3, "commit");
    assert.equal(await seqIn(log), 3);
  }
});

Deno.test("a transaction of ours without its end is refused, or ignored where that is asked for", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, 2, "transactional");
  await assert.rejects(
    seqIn(log),
    (error) => error instanceof CaptureError && error.kind === "kafka-unclear",
  );
  assert.equal((await readProgress(log, OURS, "ignore"))?.position.seq, 1);
});

Deno.test("a tombstone means that there is no progress any more", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, null, "transactional");
  log.marker(7n, "commit");
  assert.equal(await readProgress(log, OURS, "refuse"), null);
});

Deno.test("a record far from the end is found, and little is read when it is near", async () => {
  const near = new FakeLog();
  for (let seq = 1; seq <= 5000; seq++) near.transaction(7n, OURS, seq, "commit");
  assert.equal(await seqIn(near), 5000);
  assert(near.readOffsets.every((offset) => offset >= near.endOffset - 500n));

  const far = new FakeLog();
  far.transaction(7n, OURS, 1, "commit");
  for (let seq = 1; seq <= 5000; seq++) far.transaction(8n, OTHER, seq, "commit");
  assert.equal(await seqIn(far), 1);
});

Deno.test("a window that starts between a record and its marker is not taken for an answer", async () => {
  for (let fill = 240; fill <= 256; fill++) {
    const log = new FakeLog();
    log.transaction(7n, OURS, 1, "commit");
    log.transaction(7n, OURS, 2, "commit");
    for (let seq = 1; seq <= fill; seq++) log.transaction(8n, OTHER, seq, "commit");
    assert.equal(await seqIn(log), 2);
  }
});

Deno.test("holes and emptied batches that compaction leaves are passed over", async () => {
  const log = new FakeLog();
  log.startOffset = log.endOffset = 1_000_000n;
  log.transaction(7n, OURS, 1, "commit");
  log.hole(300n);
  log.emptyBatch(7n);
  log.hole(10_000n);
  log.transaction(8n, OTHER, 1, "commit");
  assert.equal(await seqIn(log), 1);
});

Deno.test("a batch that the broker compressed is read", async () => {
  for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const) {
    const log = new FakeLog();
    await log.compressed(OURS, 4, compression);
    assert.equal(await seqIn(log), 4);
  }
});

Deno.test("a progress record that can't be understood is a conflict, not an older position", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, "not JSON", "transactional");
  log.marker(7n, "commit");
  await assert.rejects(
    seqIn(log),
    (error) =>
      error instanceof CaptureError && error.kind === "position-conflict" &&
      error.message.includes('topic "cdc.pg-capture.progress", partition 0, offset 2'),
  );
});

Deno.test("a damaged log is an error", async () => {
  const log = new FakeLog();
  log.transaction(7n, OURS, 1, "commit");
  const bytes = log.batches[0]?.bytes ?? assert.fail();
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
  await assert.rejects(
    seqIn(log),
    (error) => error instanceof CaptureError && error.kind === "kafka-unavailable",
  );
});

async function seqIn(log: FakeLog): Promise<number | undefined> {
  return (await readProgress(log, OURS, "refuse"))?.position.seq;
}

/** A partition's log in memory, made of real record batches. */
class FakeLog implements ProgressLog {
  readonly topic = "cdc.pg-capture.progress";
  readonly partition = 0;
  startOffset = 0n;
  endOffset = 0n;
  readonly batches: { readonly offset: bigint; readonly last: bigint; readonly bytes: Uint8Array }[] = [];
  readonly readOffsets: bigint[] = [];

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

  transaction(producerId: bigint, identity: SourceIdentity, seq: number, end: "commit" | "abort"): void {
    this.batch(producerId, identity, seq, "transactional");
    this.marker(producerId, end);
  }

  /** @param content a seq, the value's text, or null for a tombstone */
  batch(
    producerId: bigint,
    identity: SourceIdentity,
    content: number | string | null,
    kind: "plain" | "transactional",
  ): void {
    this.#add(newBatch(identity, content).finish(stamp(producerId, kind === "transactional"), null));
  }

  async compressed(identity: SourceIdentity, seq: number, compression: Compression): Promise<void> {
    const batch = newBatch(identity, seq);
    // More of the same, so that compression makes it smaller.
    for (let count = 0; count < 20; count++) batch.append(record(identity, seq), 0);
    this.#add(batch.finish(stamp(7n, true), await loadCompressor(compression)));
    this.marker(7n, "commit");
  }

  /** A transactional batch with these bytes for its records. */
  opaque(producerId: bigint, codec: number, records: Uint8Array): void {
    const header = newBatch(OURS, 1).finish(stamp(producerId, true), null).slice(0, 61);
    const bytes = new Uint8Array(header.length + records.length);
    bytes.set(header);
    bytes.set(records, header.length);
    this.#add(rewritten(bytes, (view) => {
      view.setInt32(8, bytes.length - 12);
      view.setInt16(21, 0x10 | codec);
    }));
  }

  marker(producerId: bigint, end: "commit" | "abort"): void {
    const batch = new RecordBatch("t", 0, new ArenaPool(1 << 20));
    const bytes = new Uint8Array([0, 0, 0, end === "commit" ? 1 : 0, 0, 0, 0, 0, 0, 0]);
    batch.append({ bytes, keyEnd: 4, valueEnd: 10, headers: NO_HEADERS }, 0);
    this.#add(rewritten(batch.finish(stamp(producerId, true), null), (header) => header.setInt16(21, 0x30)));
  }

  /** What compaction keeps of a producer's last batch: the header. */
  emptyBatch(producerId: bigint): void {
    const bytes = newBatch(OURS, 99).finish(stamp(producerId, true), null).slice(0, 61);
    this.#add(rewritten(bytes, (header) => {
      header.setInt32(8, 49);
      header.setInt32(57, 0);
    }));
  }

  hole(offsets: bigint): void {
    this.endOffset += offsets;
  }

  #add(bytes: Uint8Array): void {
    const header = new DataView(bytes.buffer, bytes.byteOffset);
    header.setBigInt64(0, this.endOffset);
    const last = this.endOffset + BigInt(header.getInt32(23));
    this.batches.push({ offset: this.endOffset, last, bytes });
    this.endOffset = last + 1n;
  }
}

function newBatch(identity: SourceIdentity, content: number | string | null): RecordBatch {
  const batch = new RecordBatch("t", 0, new ArenaPool(1 << 20));
  batch.append(record(identity, content), 0);
  return batch;
}

function record(identity: SourceIdentity, content: number | string | null) {
  const key = encodeProgressKey(identity);
  const value = typeof content === "number"
    ? encodeProgressValue(progress(identity, content))
    : new TextEncoder().encode(content ?? "");
  const bytes = new Uint8Array([...key, ...value]);
  return { bytes, keyEnd: key.length, valueEnd: content === null ? -1 : bytes.length, headers: NO_HEADERS };
}

function progress(identity: SourceIdentity, seq: number): Progress {
  return {
    identity,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 1n, seq, commitTimeMs: 0, endLsn: 1n },
  };
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
