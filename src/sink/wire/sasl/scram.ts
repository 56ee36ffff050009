// SASL SCRAM: both sides prove that they know the password, without sending it (RFC 5802, RFC 7677).

import type { CaptureError } from "../../../core/errors.ts";
import type { SaslExchange } from "./exchange.ts";

export type ScramHash = "SHA-256" | "SHA-512";

/** As in Kafka's own client. With fewer iterations the password of a recorded exchange is easier to guess. */
const ITERATIONS_MIN = 4096;
/**
 * Half a second of work, so that a broker cannot demand hours of it. Kafka's own limit for credentials is
 * 16384.
 */
const ITERATIONS_MAX = 1_000_000;
const SERVER_NONCE_LENGTH_MAX = 1024;

/**
 * The client's side. Kafka has no channel binding.
 *
 * The password is used as UTF-8 bytes, without the SASLprep of RFC 5802: Kafka's brokers and tools create
 * credentials that way (ScramFormatter.normalize), and a prepared password would not match.
 *
 * @param refused creates the error if the broker does not prove what it has to
 */
export async function* scram(
  hash: ScramHash,
  username: string,
  password: string,
  refused: (found: string) => CaptureError,
  clientNonce: string = newNonce(),
): SaslExchange {
  const clientFirst = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${clientNonce}`;
  const serverFirst = readText(yield utf8(`n,,${clientFirst}`));
  const { nonce, salt, iterations } = readServerFirst(serverFirst, clientNonce, refused);

  const withoutProof = `c=biws,r=${nonce}`;
  const authMessage = utf8(`${clientFirst},${serverFirst},${withoutProof}`);
  const salted = await hmacKey(hash, await saltedPassword(hash, password, salt, iterations));
  const clientKey = await hmac(salted, utf8("Client Key"));
  const storedKey = new Uint8Array(await crypto.subtle.digest(hash, clientKey));
  const clientSignature = await hmac(await hmacKey(hash, storedKey), authMessage);
  const proof = clientKey.map((byte, index) => byte ^ (clientSignature[index] ?? 0));
  const serverFinal = readText(yield utf8(`${withoutProof},p=${toBase64(proof)}`));

  const serverKey = await hmac(salted, utf8("Server Key"));
  const serverSignature = await hmac(await hmacKey(hash, serverKey), authMessage);
  const error = /^e=([^,]*)/.exec(serverFinal)?.[1];
  if (error !== undefined) throw refused(`the broker answered "${error.slice(0, 100)}"`);
  const signature = fromBase64(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? "");
  if (signature === undefined || !isSame(signature, serverSignature)) {
    throw refused(
      "the broker has not proved that it knows the password; another server may have answered",
    );
  }
}

interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly iterations: number;
}

function readServerFirst(
  text: string,
  clientNonce: string,
  refused: (found: string) => CaptureError,
): ServerFirst {
  const error = /(?:^|,)e=([^,]*)/.exec(text)?.[1];
  if (error !== undefined) throw refused(`the broker answered "${error.slice(0, 100)}"`);
  const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=(\d{1,9})(?:,.*)?$/.exec(text);
  const [, nonce = "", saltText = "", iterationsText] = match ?? [];
  const salt = fromBase64(saltText);
  if (match === null || salt === undefined || nonce.length > SERVER_NONCE_LENGTH_MAX) {
    throw refused("the broker's challenge is not a SCRAM message");
  }
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) {
    throw refused("the broker's challenge does not answer this login");
  }
  const iterations = Number(iterationsText);
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
    throw refused(
      `the broker requires ${iterations} iterations, pg-capture accepts ${ITERATIONS_MIN} to ${ITERATIONS_MAX}`,
    );
  }
  return { nonce, salt, iterations };
}

async function saltedPassword(
  hash: ScramHash,
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", utf8(password), "PBKDF2", false, ["deriveBits"]);
  const bits = hash === "SHA-256" ? 256 : 512;
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "PBKDF2", hash, salt, iterations }, key, bits),
  );
}

function hmacKey(hash: ScramHash, key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
}

async function hmac(key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
}

/** Takes the same time wherever they differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < b.length; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}

function newNonce(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(24)));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function readText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Undefined if it is not base64. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
