// Buffers for elements and fields that have to be unescaped before their own writer can read them.

/** A larger element's buffer is not kept: one huge value must not stay in memory. */
const KEEP_BYTES_MAX = 1024 * 1024;
const INITIAL_BYTES = 4096;

const buffers: Uint8Array[] = [];

/**
 * A buffer for `count` bytes at a nesting level, valid until the next call for that level. Writers run one at a
 * time and never await, so all types share one buffer a level: a table of 1,600 array columns needs one.
 */
export function scratchBytes(level: number, count: number): Uint8Array {
  const kept = buffers[level];
  if (kept !== undefined && kept.length >= count) return kept;
  if (count > KEEP_BYTES_MAX) return new Uint8Array(count);
  const grown = new Uint8Array(Math.max(INITIAL_BYTES, 2 ** Math.ceil(Math.log2(count))));
  buffers[level] = grown;
  return grown;
}
