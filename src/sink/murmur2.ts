// murmur2, the hash that Kafka's own clients choose a key's partition with.

/**
 * The partition of the key at `[0, keyEnd)`: `toPositive(murmur2(key)) % partitions`, as in
 * org.apache.kafka.clients.producer.internals.BuiltInPartitioner.
 *
 * A null key (`keyEnd` -1) goes to partition 0. Such records come from a table without a key and from
 * TRUNCATE: only the order of the log relates them, so they must stay in one partition.
 */
export function partitionOf(bytes: Uint8Array, keyEnd: number, partitions: number): number {
  if (keyEnd < 0 || partitions === 1) return 0;
  return (murmur2(bytes, keyEnd) & 0x7fffffff) % partitions;
}

/** org.apache.kafka.common.utils.Utils.murmur2 of the first `length` bytes, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, length: number): number {
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = length - whole;
  if (rest === 3) hash ^= bytes[whole + 2]! << 16;
  if (rest >= 2) hash ^= bytes[whole + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ bytes[whole]!, MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;
