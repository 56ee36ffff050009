// Parses DER as far as certificates need it (X.690, 8.1 and 10).

export const SEQUENCE = 0x30;
export const OBJECT_IDENTIFIER = 0x06;

export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

export function children({ content }: Element): readonly Element[] {
  return elements(content);
}

/** @throws Error unless there is exactly one element, with this tag */
export function only(found: readonly Element[], tag: number): Element {
  const [first, second] = found;
  if (first === undefined || second !== undefined || first.tag !== tag) throw new Error("not a certificate");
  return first;
}

/** Parses consecutive elements; lengths are definite, as DER requires. @throws Error */
export function elements(bytes: Uint8Array): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at]!;
    let length = bytes[at + 1] ?? bytes.length;
    at += 2;
    if (length >= 0x80) {
      const count = length - 0x80;
      if (count === 0 || count > 4) throw new Error("not a certificate");
      length = 0;
      for (let index = 0; index < count; index++) length = length * 256 + (bytes[at++] ?? 0xff);
    }
    if (at + length > bytes.length) throw new Error("not a certificate");
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
