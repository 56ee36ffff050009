// Computes the decompressed length of an LZ4 frame without decompressing it.
//
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md

const MAGIC = 0x184d2204;
/** Magic, FLG, BD and the header's checksum. */
const HEADER_BYTES = 7;
const MATCH_BYTES_MIN = 4;

/**
 * The decompressed length of the frame's blocks. It stops counting above `bytesMax`.
 * @throws Error if it is not an LZ4 frame
 */
export function lz4FrameLength(frame: Uint8Array, bytesMax: number): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) throw new Error("no LZ4 frame");
  const flags = view.getUint8(4);
  const [hasBlockChecksum, hasSize, hasDictionary] = [0x10, 0x08, 0x01].map((flag) => (flags & flag) !== 0);
  let length = 0;
  for (let at = HEADER_BYTES + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0); length <= bytesMax;) {
    if (at + 4 > frame.length) throw new Error("an LZ4 frame without its end");
    const size = view.getUint32(at, true);
    if (size === 0) return length;
    // The highest bit marks a block that is not compressed.
    const bytes = size & 0x7fffffff;
    at += 4;
    if (at + bytes > frame.length) throw new Error("an LZ4 block passes its frame's end");
    length += size > 0x7fffffff ? bytes : blockLength(frame.subarray(at, at + bytes), bytesMax);
    at += bytes + (hasBlockChecksum ? 4 : 0);
  }
  return length;
}

function blockLength(block: Uint8Array, bytesMax: number): number {
  let [at, length] = [0, 0];
  // A length of 15 continues in the following bytes, up to one that is not 255.
  const whole = (nibble: number): number => {
    let value = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; value += byte) byte = block[at++] ?? 0;
    return value;
  };
  while (at < block.length && length <= bytesMax) {
    const token = block[at++] ?? 0;
    const literals = whole(token >> 4);
    at += literals;
    length += literals;
    if (at >= block.length) break; // the last sequence has no match
    at += 2; // offset
    length += whole(token & 15) + MATCH_BYTES_MIN;
  }
  return length;
}
