// Kafka's compression codecs. zlib is loaded only if needed: it costs memory and time at start.

import { unreachable } from "../core/errors.ts";
import { lz4FrameLength } from "./lz4_length.ts";
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from "./wasm_codecs.ts";

export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** Compresses the records of a batch. */
export interface Compressor {
  /** The codec's number in a record batch's attributes. */
  readonly id: number;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
}

/** The compressor, or null for no compression. */
export async function loadCompressor(compression: Compression): Promise<Compressor | null> {
  switch (compression) {
    case "none":
      return null;
    case "gzip": {
      const { gzipSync } = await import("node:zlib");
      return { id: GZIP, compress: (bytes) => gzipSync(bytes) };
    }
    case "snappy":
      // One raw block, which Java's SnappyInputStream accepts: it has no magic of a frame.
      return { id: SNAPPY, compress: snappyCompress };
    case "lz4":
      return { id: LZ4, compress: lz4Compress };
    case "zstd": {
      const { constants, zstdCompressSync } = await import("node:zlib");
      // Level 1: on JSON it is faster than the default and no larger.
      const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
      return { id: ZSTD, compress: (bytes) => zstdCompressSync(bytes, options) };
    }
    default:
      return unreachable(compression);
  }
}

/**
 * Decompresses the records of a batch. A broker may have recompressed them with another codec.
 * @param id the codec's number in the batch's attributes
 * @param bytesMax limit of the result, and of the memory used
 * @throws any error if the bytes are invalid or decompress to more
 */
export async function decompress(id: number, bytes: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  switch (id) {
    case NONE:
      requireAtMost(bytes.length, bytesMax);
      return bytes;
    case GZIP:
      return inflate((await import("node:zlib")).gunzipSync, bytes, bytesMax);
    case SNAPPY:
      return decompressSnappy(bytes, bytesMax);
    case LZ4:
      requireAtMost(lz4FrameLength(bytes, bytesMax), bytesMax);
      return lz4Decompress(bytes);
    case ZSTD:
      return inflate((await import("node:zlib")).zstdDecompressSync, bytes, bytesMax);
    default:
      throw new Error(`codec ${id} is not known`);
  }
}

function inflate(
  decompressor: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array,
  bytes: Uint8Array,
  bytesMax: number,
): Uint8Array {
  try {
    return decompressor(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    const isTooLong = error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLong ? tooLong(bytesMax) : error;
  }
}

function requireAtMost(length: number, bytesMax: number): void {
  if (length > bytesMax) throw tooLong(bytesMax);
}

function tooLong(bytesMax: number): Error {
  return new Error(`more than ${bytesMax} bytes`);
}

const NONE = 0;
const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

/**
 * Java's SnappyOutputStream writes a 16-byte header, then blocks with their lengths. Other encoders write one
 * block.
 */
const JAVA_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const JAVA_HEADER_BYTES = 16;

function decompressSnappy(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (!JAVA_MAGIC.every((byte, at) => bytes[at] === byte)) return decompressSnappyBlock(bytes, bytesMax);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  let left = bytesMax;
  let at = JAVA_HEADER_BYTES;
  while (at < bytes.length) {
    const length = view.getInt32(at);
    if (length <= 0 || at + 4 + length > bytes.length) throw new Error("a snappy block passes its end");
    const block = decompressSnappyBlock(bytes.subarray(at + 4, at + 4 + length), left);
    blocks.push(block);
    left -= block.length;
    at += 4 + length;
  }
  return concat(blocks);
}

function decompressSnappyBlock(block: Uint8Array, bytesMax: number): Uint8Array {
  // The block starts with its decompressed length, on which the decompressor would rely.
  let length = 0;
  for (let at = 0; at < 5; at++) {
    length += ((block[at] ?? 0) & 127) * 2 ** (7 * at);
    if ((block[at] ?? 0) < 128) break;
  }
  requireAtMost(length, bytesMax);
  return snappyDecompress(block);
}

function concat(blocks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(blocks.reduce((length, block) => length + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}
