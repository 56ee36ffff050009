// The door to node:tls: opens a connection and encrypts it.
//
// With Deno before 2.9 the connection is node:net's: over any other, node:tls takes no client's certificate there, and
// does not give away the server's.

import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { type Link, PlainLink, type TlsFacts } from "../link.ts";
import type { PostgresServer, TlsMaterial } from "../options.ts";
import { openLink } from "../socket.ts";
import { CiphertextStream } from "./ciphertext_stream.ts";
import { isAddress } from "./host_name.ts";
import { isOfRoots } from "./issuers.ts";
import { IS_OLD_RUNTIME } from "./runtime.ts";

// Decrypted and not read yet; TLS is paused above it.
const UNREAD_BYTES_MAX = 256 * 1024;
// Room to notice what must not be there: bytes behind the answer.
const ANSWER_READ_BYTES = 16;
const CLOSED_BY_SERVER = "the connection was closed by the server";

/** What `TlsCandidate.encrypt` throws when the connection ends before it is encrypted. */
export const CLOSED_IN_HANDSHAKE = "the connection was closed in the TLS handshake";

/** The code of its error where the roots have not signed the server's certificate themselves. */
export const NOT_OF_ROOTS = "CERT_NOT_OF_ROOTS";

/** What is asked of the server; what comes of its answer: what to use for TLS, or undefined for none; it may throw. */
interface Question {
  readonly request: Uint8Array;
  onAnswer(bytes: Uint8Array): TlsMaterial | undefined;
}

/** An open connection that nothing was sent over yet. */
export class TlsCandidate {
  readonly #host: string;
  readonly #connection: PlainLink | Socket;

  private constructor(host: string, connection: PlainLink | Socket) {
    this.#host = host;
    this.#connection = connection;
  }

  /** @throws Error */
  static async connect(server: PostgresServer): Promise<TlsCandidate> {
    return new TlsCandidate(
      server.host,
      IS_OLD_RUNTIME ? await openNodeSocket(server) : await openLink(server),
    );
  }

  /** Does not throw. */
  close(): void {
    if (this.#connection instanceof PlainLink) this.#connection.close();
    else this.#connection.destroy();
  }

  /**
   * Asks for TLS and makes the handshake.
   * @returns the link, and the certificate, verified against the roots where there are some; nobody has looked at the
   *   names in it; undefined for no TLS
   * @throws what `onAnswer` throws; Error, with Node's code of what is wrong with the certificate where the runtime
   *   has one; closed then
   */
  async encrypt(question: Question): Promise<TlsLink | undefined> {
    const connection = this.#connection;
    try {
      const started = connection instanceof PlainLink
        ? await ask(connection, this.#host, question)
        : await askOverNode(connection, this.#host, question);
      if (started === undefined) return undefined;
      const { socket, roots } = started;
      const certificate = await shownCertificate(socket);
      if (roots !== undefined) verifyRoots(socket, certificate, roots);
      const facts: TlsFacts = {
        // Old runtimes don't say which.
        protocol: socket.getProtocol?.() ?? "TLS",
        cipher: socket.getCipher()?.name,
        verified: roots === undefined ? "nothing" : "ca",
        certificate,
      };
      return new TlsLink(socket, facts, () => this.close());
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

interface Started {
  readonly socket: tls.TLSSocket;
  readonly roots: TlsMaterial["roots"];
}

async function ask(
  plain: PlainLink,
  host: string,
  { request, onAnswer }: Question,
): Promise<Started | undefined> {
  await plain.write(request);
  const answer = new Uint8Array(ANSWER_READ_BYTES);
  const count = await plain.read(answer);
  if (count === null) throw new Error(CLOSED_BY_SERVER);
  const material = onAnswer(answer.subarray(0, count));
  return material && { socket: startTls(new CiphertextStream(plain), host, material), roots: material.roots };
}

/**
 * TLS begins in the very turn in which the answer comes: so what comes next is read by nobody else.
 *
 * Not for Deno 2.9, where some handshakes never end this way.
 */
function askOverNode(
  socket: Socket,
  host: string,
  { request, onAnswer }: Question,
): Promise<Started | undefined> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(CLOSED_BY_SERVER)));
    socket.once("data", (bytes: Uint8Array) => {
      try {
        const material = onAnswer(bytes);
        resolve(material && { socket: startTls(socket, host, material), roots: material.roots });
      } catch (error) {
        reject(error);
      }
    });
    socket.write(request);
  });
}

async function openNodeSocket({ host, port }: PostgresServer): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, autoSelectFamily: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
  return socket;
}

function startTls(socket: Duplex, host: string, { roots, client }: TlsMaterial): tls.TLSSocket {
  // An empty list would stand for the public authorities.
  if (roots?.length === 0) {
    throw Object.assign(new Error("no authority"), { code: "UNABLE_TO_GET_ISSUER_CERT" });
  }
  const encrypted = tls.connect({
    socket,
    minVersion: "TLSv1.2",
    // libpq 17 sends it too, and no server before minds.
    ALPNProtocols: ["postgresql"],
    rejectUnauthorized: roots !== undefined,
    // Names are libpq's to judge, not Node's.
    checkServerIdentity: () => undefined,
    // Old runtimes send a name of their own where there is neither.
    ...(isAddress(host) ? { host } : { servername: host }),
    ...(roots === undefined ? {} : { ca: [...roots] }),
    ...(client === undefined ? {} : client),
  });
  // Each that matters is listened for where it is awaited.
  encrypted.on("error", () => {});
  return encrypted;
}

/** The server's certificate when the handshake is over. Old runtimes call a failed one a success, and fail later. */
async function shownCertificate(socket: tls.TLSSocket): Promise<Uint8Array> {
  return await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(CLOSED_IN_HANDSHAKE)));
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerCertificate()?.raw;
      if (certificate !== undefined) resolve(certificate);
      else if (!IS_OLD_RUNTIME) reject(new Error("the server has shown no certificate"));
    });
  });
}

/** @throws Error when the certificate is not of the roots */
function verifyRoots(socket: tls.TLSSocket, certificate: Uint8Array, roots: readonly string[]): void {
  if (!socket.authorized) throw socket.authorizationError;
  if (!IS_OLD_RUNTIME || isOfRoots(certificate, roots, Date.now())) return;
  throw Object.assign(new Error("not signed by one of the roots itself"), { code: NOT_OF_ROOTS });
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
