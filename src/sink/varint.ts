// Kafka's variable-length signed integers: zigzag, seven bits a byte, the lowest first.

/** Bytes of a VARINT of at most 32 bits. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** Writes a VARINT of at most 32 bits. @returns where it ends */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  while (zigzag > 127) {
    bytes[at++] = (zigzag & 127) | 128;
    zigzag >>>= 7;
  }
  bytes[at++] = zigzag;
  return at;
}

/** Bytes of a VARLONG; `value` is an integer below 2^52. */
export function varlongBytes(value: number): number {
  let count = 1;
  for (let rest = zigzagLong(value); rest > 127; rest = Math.floor(rest / 128)) count++;
  return count;
}

/** Writes a VARLONG; `value` is an integer below 2^52. @returns where it ends */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  let rest = zigzagLong(value);
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128;
  bytes[at++] = rest;
  return at;
}

function zigzagLong(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}
