// Microbenchmark: envelopes to a finished record batch.

import { ArenaPool } from "../../src/sink/arena_pool.ts";
import { type Compression, loadCompressor } from "../../src/sink/compression.ts";
import { RecordBatch } from "../../src/sink/record_batch.ts";
import { decoderInTransaction, MESSAGES } from "./rows.ts";

const ROWS = 1000;
const STAMP = { producerId: 1n, producerEpoch: 0, baseSequence: 0, isTransactional: true };
const decoder = decoderInTransaction();
const batch = new RecordBatch("cdc.public.t", 0, new ArenaPool(16 * 1024 * 1024));

function fill(name: string): void {
  const message = MESSAGES[name]!;
  for (let row = 0; row < ROWS; row++) {
    decoder.decode(message);
    while (decoder.nextRecord()) batch.append(decoder.record, 1_790_000_000_000);
  }
}

for (const name of Object.keys(MESSAGES)) {
  Deno.bench({
    name: `${ROWS} rows decoded and appended`,
    group: name,
    fn: () => {
      fill(name);
      batch.clear();
    },
  });
  for (
    const compression of ["none", "snappy", "lz4", "zstd", "gzip"] as const satisfies readonly Compression[]
  ) {
    const compressor = await loadCompressor(compression);
    Deno.bench({
      name: `${compression}: batch of ${ROWS} rows finished`,
      group: name,
      fn: (bench) => {
        fill(name);
        bench.start();
        batch.finish(STAMP, compressor);
        bench.end();
        batch.clear();
      },
    });
  }
}
