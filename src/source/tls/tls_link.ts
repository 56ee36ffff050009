// Wraps node:tls: opens a connection and encrypts it.

import tls from "node:tls";
import type { Link, PlainLink, TlsFacts } from "../link.ts";
import type { PostgresServer, TlsMaterial } from "../options.ts";
import { openLink } from "../socket.ts";
import { CiphertextStream } from "./ciphertext_stream.ts";
import { isAddress } from "./host_name.ts";

// Decrypted bytes not yet read; above this limit, TLS is paused.
const UNREAD_BYTES_MAX = 256 * 1024;
// Enough room to detect bytes after the answer, which are not allowed.
const ANSWER_READ_BYTES = 16;
const CLOSED_BY_SERVER = "the connection was closed by the server";

/** The error of `TlsCandidate.encrypt` if the connection ends before it is encrypted. */
export const CLOSED_IN_HANDSHAKE = "the connection was closed in the TLS handshake";

/**
 * The request, and a callback that returns the TLS material to use, or undefined for no TLS; it can throw.
 */
interface Question {
  readonly request: Uint8Array;
  onAnswer(bytes: Uint8Array): TlsMaterial | undefined;
}

/** An open connection over which nothing has been sent yet. */
export class TlsCandidate {
  readonly #host: string;
  readonly #connection: PlainLink;

  private constructor(host: string, connection: PlainLink) {
    this.#host = host;
    this.#connection = connection;
  }

  /** @throws Error */
  static async connect(server: PostgresServer): Promise<TlsCandidate> {
    return new TlsCandidate(server.host, await openLink(server));
  }

  /** Does not throw. */
  close(): void {
    this.#connection.close();
  }

  /**
   * Asks for TLS and performs the handshake.
   * @returns the link with its certificate, which is verified against the roots if there are any, but its
   *   names are not; undefined for no TLS
   * @throws what `onAnswer` throws; Error with Node's code for a bad certificate. The connection is then
   *   closed.
   */
  async encrypt({ request, onAnswer }: Question): Promise<TlsLink | undefined> {
    try {
      await this.#connection.write(request);
      const answer = new Uint8Array(ANSWER_READ_BYTES);
      const count = await this.#connection.read(answer);
      if (count === null) throw new Error(CLOSED_BY_SERVER);
      const material = onAnswer(answer.subarray(0, count));
      if (material === undefined) return undefined;
      return await this.#shakeHands(material);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #shakeHands(material: TlsMaterial): Promise<TlsLink> {
    const socket = startTls(new CiphertextStream(this.#connection), this.#host, material);
    const certificate = await shownCertificate(socket);
    const isVerified = material.roots !== undefined;
    if (isVerified && !socket.authorized) throw socket.authorizationError;
    const facts: TlsFacts = {
      protocol: socket.getProtocol() ?? "TLS",
      cipher: socket.getCipher()?.name,
      verified: isVerified ? "ca" : "nothing",
      certificate,
    };
    return new TlsLink(socket, facts, () => this.close());
  }
}

function startTls(socket: CiphertextStream, host: string, { roots, client }: TlsMaterial): tls.TLSSocket {
  // An empty list would mean the public authorities.
  if (roots?.length === 0) {
    throw Object.assign(new Error("no authority"), { code: "UNABLE_TO_GET_ISSUER_CERT" });
  }
  const encrypted = tls.connect({
    socket,
    minVersion: "TLSv1.2",
    // libpq 17 sends it, too, and earlier servers ignore it.
    ALPNProtocols: ["postgresql"],
    rejectUnauthorized: roots !== undefined,
    // Names are checked by libpq's rules, not by Node's.
    checkServerIdentity: () => undefined,
    // An address is not a server name (RFC 6066, 3).
    ...(isAddress(host) ? { host } : { servername: host }),
    ...(roots === undefined ? {} : { ca: [...roots] }),
    ...(client === undefined ? {} : client),
  });
  // Relevant errors are caught where they are awaited.
  encrypted.on("error", () => {});
  return encrypted;
}

/** Waits for the handshake and returns the server's certificate. */
function shownCertificate(socket: tls.TLSSocket): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(CLOSED_IN_HANDSHAKE)));
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerCertificate()?.raw;
      if (certificate === undefined) reject(new Error("the server has shown no certificate"));
      else resolve(certificate);
    });
  });
}

/** An encrypted link. */
export class TlsLink implements Link {
  tls: TlsFacts;
  readonly #socket: tls.TLSSocket;
  readonly #close: () => void;
  #chunks: Uint8Array[] = [];
  #unread = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: tls.TLSSocket, facts: TlsFacts, close: () => void) {
    this.#socket = socket;
    this.tls = facts;
    this.#close = close;
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
    this.#close();
  }
}
