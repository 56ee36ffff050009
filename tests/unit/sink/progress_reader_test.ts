// The last committed progress record is found, whatever transactions lie around it in the log.

import { strict as assert } from "node:assert";
import { CaptureError } from "../../../src/core/errors.ts";
import type { Progress, SourceIdentity } from "../../../src/core/position.ts";
import { type Compression, loadCompressor } from "../../../src/sink/compression.ts";
import { readProgress } from "../../../src/sink/progress_reader.ts";
import { encodeProgressKey, encodeProgressValue } from "../../../src/sink/progress_record.ts";
import { FakeLog, type FakeRecord } from "../../support/fake_log.ts";

const OURS: SourceIdentity = { systemIdentifier: "1", database: "shop", slot: "orders" };
const OTHER: SourceIdentity = { ...OURS, slot: "customers" };

Deno.test("an empty log holds no progress", async () => {
  assert.equal(await readProgress(new ProgressLog(), OURS, "refuse"), null);
});

Deno.test("the last committed record counts", async () => {
  const log = new ProgressLog();
  for (const seq of [1, 2, 3]) log.transaction(7n, OURS, seq, "commit");
  assert.equal(await seqIn(log), 3);
});

Deno.test("aborted records at the end are ignored, several in a row of one producer too", async () => {
  const log = new ProgressLog();
  log.transaction(7n, OURS, 1, "commit");
  log.transaction(7n, OURS, 2, "abort");
  log.transaction(7n, OURS, 3, "abort");
  log.transaction(8n, OURS, 4, "abort");
  assert.equal(await seqIn(log), 1);
});

Deno.test("an abort between two commits takes only its own record", async () => {
  const log = new ProgressLog();
  log.transaction(7n, OURS, 1, "commit");
  log.transaction(7n, OURS, 2, "abort");
  log.transaction(7n, OURS, 3, "commit");
  assert.equal(await seqIn(log), 3);
});

Deno.test("transactions of other producers interleave without harm", async () => {
  const log = new ProgressLog();
  log.batch(7n, OURS, 1, "transactional");
  log.batch(8n, OTHER, 90, "transactional");
  log.marker(8n, "abort");
  log.marker(7n, "commit");
  log.batch(8n, OTHER, 91, "transactional");
  assert.equal(await seqIn(log), 1);
});

Deno.test("the commit of another producer commits nothing of ours", async () => {
  const log = new ProgressLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, 2, "transactional");
  log.batch(8n, OTHER, 90, "transactional");
  log.marker(8n, "commit");
  log.marker(7n, "abort");
  assert.equal(await seqIn(log), 1);
});

Deno.test("a record outside of any transaction is refused with its place, whatever it holds", async () => {
  for (const content of [2, "not JSON", null]) {
    const log = new ProgressLog();
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
  const log = new ProgressLog();
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
    const log = new ProgressLog();
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
  const log = new ProgressLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, 2, "transactional");
  await assert.rejects(
    seqIn(log),
    (error) => error instanceof CaptureError && error.kind === "kafka-unclear",
  );
  assert.equal((await readProgress(log, OURS, "ignore"))?.position.seq, 1);
});

Deno.test("a tombstone means that there is no progress any more", async () => {
  const log = new ProgressLog();
  log.transaction(7n, OURS, 1, "commit");
  log.batch(7n, OURS, null, "transactional");
  log.marker(7n, "commit");
  assert.equal(await readProgress(log, OURS, "refuse"), null);
});

Deno.test("a record far from the end is found, and little is read when it is near", async () => {
  const near = new ProgressLog();
  for (let seq = 1; seq <= 5000; seq++) near.transaction(7n, OURS, seq, "commit");
  assert.equal(await seqIn(near), 5000);
  assert(near.readOffsets.every((offset) => offset >= near.endOffset - 500n));

  const far = new ProgressLog();
  far.transaction(7n, OURS, 1, "commit");
  for (let seq = 1; seq <= 5000; seq++) far.transaction(8n, OTHER, seq, "commit");
  assert.equal(await seqIn(far), 1);
});

Deno.test("a window that starts between a record and its marker is not taken for an answer", async () => {
  for (let fill = 240; fill <= 256; fill++) {
    const log = new ProgressLog();
    log.transaction(7n, OURS, 1, "commit");
    log.transaction(7n, OURS, 2, "commit");
    for (let seq = 1; seq <= fill; seq++) log.transaction(8n, OTHER, seq, "commit");
    assert.equal(await seqIn(log), 2);
  }
});

Deno.test("holes and emptied batches that compaction leaves are passed over", async () => {
  const log = new ProgressLog();
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
    const log = new ProgressLog();
    await log.compressed(OURS, 4, compression);
    assert.equal(await seqIn(log), 4);
  }
});

Deno.test("a progress record that can't be understood is a conflict, not an older position", async () => {
  const log = new ProgressLog();
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
  const log = new ProgressLog();
  log.transaction(7n, OURS, 1, "commit");
  const bytes = log.batches[0]?.bytes ?? assert.fail();
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
  await assert.rejects(
    seqIn(log),
    (error) => error instanceof CaptureError && error.kind === "kafka-unavailable",
  );
});

async function seqIn(log: ProgressLog): Promise<number | undefined> {
  return (await readProgress(log, OURS, "refuse"))?.position.seq;
}

/** The log of the progress topic. */
class ProgressLog extends FakeLog {
  constructor() {
    super("cdc.pg-capture.progress");
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
    if (kind === "plain") this.plain(record(identity, content));
    else this.transactional(producerId, [record(identity, content)]);
  }

  async compressed(identity: SourceIdentity, seq: number, compression: Compression): Promise<void> {
    // More of the same, so that compression makes it smaller.
    const records = Array.from({ length: 21 }, () => record(identity, seq));
    this.transactional(7n, records, await loadCompressor(compression));
    this.marker(7n, "commit");
  }
}

function record(identity: SourceIdentity, content: number | string | null): FakeRecord {
  const value = typeof content === "number"
    ? encodeProgressValue(progress(identity, content))
    : content === null
    ? null
    : new TextEncoder().encode(content);
  return [encodeProgressKey(identity), value];
}

function progress(identity: SourceIdentity, seq: number): Progress {
  return {
    identity,
    timeline: 1,
    publication: "shop",
    position: { commitLsn: 1n, seq, commitTimeMs: 0, endLsn: 1n },
  };
}
