// Text as UTF-8 bytes.

const ENCODER = new TextEncoder();

/** The UTF-8 bytes of `text`, for fragments that are prepared once and copied often. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}
