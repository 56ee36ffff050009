// Encodes text as UTF-8.

const ENCODER = new TextEncoder();

/** The UTF-8 bytes of `text`. Not for the hot path, where nothing is encoded a row. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}
