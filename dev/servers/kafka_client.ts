// The Kafka client of the demo and the tests: kafkajs, with the codecs that it lacks: snappy, lz4 and zstd.

import process from "node:process";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from "@platformatic/wasm-utils";
import kafkajs from "kafkajs";
import type { Kafka } from "kafkajs";

/**
 * A client of the brokers, `host:port` comma-separated. It knows all codecs, logs nothing, and tries again for about
 * 10 s when a broker is just starting or a topic is just being made.
 */
export function kafkaClient(brokers: string): Kafka {
  registerCodecs();
  muteTimeoutWarnings();
  return new kafkajs.Kafka({
    clientId: "pg-capture-dev",
    brokers: brokers.split(","),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 15 },
  });
}

function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = codec((bytes) => snappyCompress(bytes), decompressSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = codec(
    (bytes) => lz4Compress(bytes),
    (bytes) => lz4Decompress(bytes),
  );
  CompressionCodecs[CompressionTypes.ZSTD] = codec(promisify(zstdCompress), promisify(zstdDecompress));
}

let muted = false;

/** kafkajs sets timers to times in the past (scheduleCheckPendingRequests), and the runtime warns of it on the terminal. */
function muteTimeoutWarnings(): void {
  if (muted) return;
  muted = true;
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (warning.name === "TimeoutNegativeWarning") return;
    for (const listener of listeners) listener(warning);
  });
}

type Transform = (bytes: Buffer) => Buffer | Promise<Buffer>;

/** As kafkajs calls it: `compress` gets an encoder that holds a `buffer`, `decompress` gets the bytes. */
function codec(compress: Transform, decompress: Transform) {
  return () => ({
    compress: async (encoder: { readonly buffer: Buffer }) => await compress(encoder.buffer),
    decompress: async (bytes: Buffer) => await decompress(bytes),
  });
}

// xerial's framing, as Java's client writes it: a 16-byte header, then blocks, each after its length in 4 bytes.
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

function decompressSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappyDecompress(bytes);
  const blocks: Buffer[] = [];
  let position = XERIAL_HEADER_BYTES;
  while (position < bytes.length) {
    const length = bytes.readInt32BE(position);
    blocks.push(snappyDecompress(bytes.subarray(position + 4, position + 4 + length)));
    position += 4 + length;
  }
  return Buffer.concat(blocks);
}
