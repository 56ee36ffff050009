// Buffers for elements and fields whose escapes must be removed before their own writers can read them.

/** A larger buffer is not kept, because it was created for a huge value. */
const KEEP_BYTES_MAX = 1024 * 1024;
const INITIAL_BYTES = 4096;

const buffers: Uint8Array[] = [];

/**
 * A buffer for `count` bytes at a nesting level, valid until the next call for that level. Writers run one at
 * a time and never wait, so all types share one buffer for each level.
 */
export function scratchBytes(level: number, count: number): Uint8Array {
  const kept = buffers[level];
  if (kept !== undefined && kept.length >= count) return kept;
  if (count > KEEP_BYTES_MAX) return new Uint8Array(count);
  const grown = new Uint8Array(Math.max(INITIAL_BYTES, 2 ** Math.ceil(Math.log2(count))));
  buffers[level] = grown;
  return grown;
}
