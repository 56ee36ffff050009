// Damages a message in one or a few of the ways that find faults in parsers.

import type { Random } from "./random.ts";

/** A damaged copy. @param others messages to take pieces from */
export function damage(
  random: Random,
  bytes: Uint8Array,
  others: readonly { readonly bytes: Uint8Array }[],
): Uint8Array {
  let damaged: Uint8Array = bytes.slice();
  for (let times = 1 + random.below(3); times > 0; times--) {
    damaged = random.pick(WAYS)(random, damaged, others);
  }
  return damaged;
}

type Way = (
  random: Random,
  bytes: Uint8Array,
  others: readonly { readonly bytes: Uint8Array }[],
) => Uint8Array;

const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x7b, 0x7d, 0x28, 0x29, 0x2c, 0x3d, 0x2d];
const TAGS = [...new TextEncoder().encode("BCRIUDTMOYNKOntub")];

const WAYS: readonly Way[] = [
  function flipBit(random, bytes) {
    if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    return bytes;
  },
  function setByte(random, bytes) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick(INTERESTING);
    return bytes;
  },
  function setTag(random, bytes) {
    if (bytes.length > 0) bytes[random.chance(0.5) ? 0 : random.below(bytes.length)] = random.pick(TAGS);
    return bytes;
  },
  function setLength(random, bytes) {
    if (bytes.length < 4) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const value = random.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, random.below(bytes.length * 2)]);
    view.setUint32(random.below(bytes.length - 3), value);
    return bytes;
  },
  function cut(random, bytes) {
    return bytes.slice(0, random.below(bytes.length + 1));
  },
  function remove(random, bytes) {
    const at = random.below(bytes.length + 1);
    const count = random.below(Math.min(16, bytes.length - at) + 1);
    return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + count)]);
  },
  function insert(random, bytes) {
    const at = random.below(bytes.length + 1);
    const added = Array.from({ length: random.below(16) }, () => random.pick(INTERESTING));
    return new Uint8Array([...bytes.subarray(0, at), ...added, ...bytes.subarray(at)]);
  },
  function splice(random, bytes, others) {
    const other = random.pick(others).bytes;
    const from = random.below(other.length + 1);
    return new Uint8Array([...bytes.subarray(0, random.below(bytes.length + 1)), ...other.subarray(from)]);
  },
  function repeatText(random, bytes) {
    const at = random.below(bytes.length + 1);
    const piece = bytes.subarray(at, at + 8);
    return new Uint8Array([
      ...bytes.subarray(0, at),
      ...Array.from({ length: random.below(40) }, () => [...piece]).flat(),
      ...bytes.subarray(at),
    ]);
  },
];
