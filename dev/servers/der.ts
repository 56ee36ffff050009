// Writes the few ASN.1 types in DER that a certificate is made of (X.690).

/** One value: tag, length, content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, each) => sum + each.length, 0);
  return concat(new Uint8Array([tag]), lengthOf(length), ...content);
}

export function sequence(...members: readonly Uint8Array[]): Uint8Array {
  return der(0x30, ...members);
}

export function set(...members: readonly Uint8Array[]): Uint8Array {
  return der(0x31, ...members);
}

/** A whole number that is not negative, given by its bytes. */
export function unsigned(...bytes: readonly number[]): Uint8Array {
  return der(0x02, new Uint8Array((bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes));
}

export function boolean(value: boolean): Uint8Array {
  return der(0x01, new Uint8Array([value ? 0xff : 0]));
}

export function octets(content: Uint8Array): Uint8Array {
  return der(0x04, content);
}

/** A bit string; `unusedBits` of its last byte don't count. */
export function bits(content: Uint8Array, unusedBits = 0): Uint8Array {
  return der(0x03, new Uint8Array([unusedBits]), content);
}

export function utf8(text: string): Uint8Array {
  return der(0x0c, new TextEncoder().encode(text));
}

/** UTCTime, which X.509 wants for the years up to 2049. */
export function utcTime(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/\.\d+Z$/, "Z").replace(/[-:T]/g, "").slice(2);
  return der(0x17, new TextEncoder().encode(digits));
}

/** An object identifier, written with dots. */
export function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return der(0x06, new Uint8Array([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A context-specific, constructed tag around members. */
export function context(number: number, ...members: readonly Uint8Array[]): Uint8Array {
  return der(0xa0 | number, ...members);
}

/** A context-specific, primitive value. */
export function implicit(number: number, content: Uint8Array): Uint8Array {
  return der(0x80 | number, content);
}

/** DER as PEM: base64 in lines of 64, between its marks. */
export function pem(label: string, bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes)).replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return new Uint8Array([length]);
  return length < 0x100 ? new Uint8Array([0x81, length]) : new Uint8Array([0x82, length >> 8, length & 0xff]);
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
