// Wraps @platformatic/wasm-utils: checksum and compression in WebAssembly.

import { Buffer } from "node:buffer";
import * as wasm from "@platformatic/wasm-utils";

/** The CRC-32C (Castagnoli) of record batches. */
export function crc32c(bytes: Uint8Array): number {
  return wasm.crc32c(asBuffer(bytes));
}

/** One snappy block, without a frame around it. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  return wasm.snappyCompress(asBuffer(bytes));
}

/** @throws any error if `block` is not a snappy block */
export function snappyDecompress(block: Uint8Array): Uint8Array {
  return wasm.snappyDecompress(asBuffer(block));
}

/** An LZ4 frame. */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  return wasm.lz4Compress(asBuffer(bytes));
}

/** @throws any error if `frame` is not an LZ4 frame */
export function lz4Decompress(frame: Uint8Array): Uint8Array {
  return wasm.lz4Decompress(asBuffer(frame));
}

/** A view; the functions copy what they read into WebAssembly's memory, and their result out of it. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
