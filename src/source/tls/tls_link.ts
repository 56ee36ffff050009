// The door to node:tls: a TLS session over a connection that is there.

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import tls from "node:tls";
import type { Link, PlainLink, TlsFacts } from "../link.ts";
import type { TlsMaterial } from "../options.ts";
import { isAddress } from "./host_name.ts";

const CIPHERTEXT_READ_BYTES = 64 * 1024;
// Decrypted and not read yet; TLS is paused above it.
const UNREAD_BYTES_MAX = 256 * 1024;

/**
 * Makes the handshake.
 * @param host whose name is sent (SNI), unless it is an address
 * @returns the link, and the certificate, verified against the roots where there are some; nobody has looked at the
 *   names in it
 * @throws Error, with Node's code of what is wrong with the certificate
 */
export async function openTls(
  plain: PlainLink,
  host: string,
  { roots, client }: TlsMaterial,
): Promise<TlsLink> {
  // An empty list would stand for the public authorities.
  if (roots?.length === 0) {
    throw Object.assign(new Error("no authority"), { code: "UNABLE_TO_GET_ISSUER_CERT" });
  }
  const socket = tls.connect({
    socket: new CiphertextStream(plain),
    minVersion: "TLSv1.2",
    // libpq 17 sends it too, and no server before minds.
    ALPNProtocols: ["postgresql"],
    rejectUnauthorized: roots !== undefined,
    // Names are libpq's to judge, not Node's.
    checkServerIdentity: () => undefined,
    ...(isAddress(host) ? {} : { servername: host }),
    ...(roots === undefined ? {} : { ca: [...roots] }),
    ...(client === undefined ? {} : client),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error(CLOSED_IN_HANDSHAKE)));
    });
    const certificate = socket.getPeerCertificate()?.raw;
    if (certificate === undefined) throw new Error("the server has shown no certificate");
    if (roots !== undefined && !socket.authorized) throw socket.authorizationError;
    return new TlsLink(socket, plain, {
      protocol: socket.getProtocol() ?? "TLS",
      cipher: socket.getCipher()?.name,
      verified: roots === undefined ? "nothing" : "ca",
      certificate,
    });
  } catch (error) {
    socket.destroy();
    plain.close();
    throw error;
  }
}

/** What `openTls` throws when the connection ends before it is encrypted. */
export const CLOSED_IN_HANDSHAKE = "the connection was closed in the TLS handshake";

/** An encrypted link. */
export class TlsLink implements Link {
  tls: TlsFacts;
  readonly #socket: tls.TLSSocket;
  readonly #plain: PlainLink;
  #chunks: Uint8Array[] = [];
  #unread = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: tls.TLSSocket, plain: PlainLink, facts: TlsFacts) {
    this.#socket = socket;
    this.#plain = plain;
    this.tls = facts;
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#unread += chunk.length;
      if (this.#unread > UNREAD_BYTES_MAX) socket.pause();
      this.#wake();
    });
    const end = (error?: Error) => {
      this.#ended = true;
      this.#error ??= error;
      this.#wake();
    };
    socket.on("end", () => end());
    socket.on("close", () => end());
    socket.on("error", end);
  }

  async read(target: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    let count = 0;
    let taken = 0;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(0, target.length - count);
      target.set(part, count);
      count += part.length;
      if (part.length < chunk.length) {
        this.#chunks[taken] = chunk.subarray(part.length);
        break;
      }
      taken++;
    }
    this.#chunks.splice(0, taken);
    this.#unread -= count;
    if (this.#unread <= UNREAD_BYTES_MAX && this.#socket.isPaused()) this.#socket.resume();
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#error ?? new Error("the connection was closed"));
      this.#socket.write(bytes, (error) => error ? reject(this.#error ?? error) : resolve());
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#plain.close();
  }
}

/** What TLS reads its records from, and writes them to. */
class CiphertextStream extends Duplex {
  readonly #plain: PlainLink;
  #reading = false;

  constructor(plain: PlainLink) {
    super({ allowHalfOpen: false, readableHighWaterMark: CIPHERTEXT_READ_BYTES });
    this.#plain = plain;
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    const bytes = new Uint8Array(CIPHERTEXT_READ_BYTES);
    this.#plain.read(bytes).then(
      (count) => {
        this.#reading = false;
        this.push(count === null ? null : Buffer.from(bytes.buffer, 0, count));
      },
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#plain.write(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#plain.close();
    done(error);
  }
}
