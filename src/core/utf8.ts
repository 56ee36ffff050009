// Encodes text as UTF-8.

const ENCODER = new TextEncoder();

/** The UTF-8 bytes of `text`. Not for the hot path, which must not encode text for each row. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/**
 * The UTF-8 bytes of each text, as views of one buffer. A separate buffer each would take about 300 bytes
 * more than its content.
 */
export function utf8All(texts: readonly string[]): readonly Uint8Array[] {
  // A UTF-16 code unit takes 3 bytes at most.
  const buffer = new Uint8Array(3 * texts.reduce((length, text) => length + text.length, 0));
  const ends: number[] = [];
  let length = 0;
  for (const text of texts) {
    length += ENCODER.encodeInto(text, buffer.subarray(length)).written;
    ends.push(length);
  }
  const bytes = buffer.slice(0, length);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}
