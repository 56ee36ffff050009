// The door to TLS: opens an encrypted connection to a broker whose certificate was checked.
//
// node:tls and not Deno.connectTls: with the latter, KAFKA_SSL_CA would only add to the public authorities, and a
// certificate that is its own authority would be refused. Both move as many bytes a second.

import { isIP } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { TlsSettings } from "./security.ts";
import type { HostPort, PresentedCertificate, Socket, TlsFacts } from "./socket.ts";
import { tlsError } from "./tls_error.ts";

/**
 * Connects, shakes hands and checks the broker's certificate: its chain, its dates, and that it is for the host
 * that was dialled. At least TLS 1.2.
 * @throws CaptureError `kafka-unavailable` when it can't be reached, `kafka-refused` when either side refuses
 * the other's certificate or the broker does not speak TLS, `configuration` when the files are no good
 */
export async function openTlsSocket(
  address: HostPort,
  tls: TlsSettings,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const options = connectionOptions(address, tls);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const wrapped = new TlsSocket(connect(options), (cause) => tlsError(address, tls, cause));
  try {
    await wrapped.secured(limit);
    return wrapped;
  } catch (cause) {
    wrapped.close();
    signal.throwIfAborted();
    if (limit.aborted) throw tlsError(address, tls, undefined, { timeoutMs });
    throw tlsError(address, tls, cause, { certificate: await presented(options, cause, limit) });
  }
}

function connectionOptions(
  { host, port }: HostPort,
  { files, verifiesHost }: TlsSettings,
): ConnectionOptions {
  const { ca, cert, key } = files.load();
  return {
    host,
    port,
    minVersion: "TLSv1.2",
    ...(isIP(host) === 0 ? { servername: host } : {}), // SNI takes names only (RFC 6066)
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(verifiesHost ? {} : { checkServerIdentity: () => undefined }),
  };
}

/**
 * The certificate that was refused, for the words of the error: the runtime says of any that it can't verify the
 * first certificate. Looked at over a connection of its own, on which nothing is sent.
 */
async function presented(
  { cert: _, key: __, ...options }: ConnectionOptions,
  cause: unknown,
  signal: AbortSignal,
): Promise<PresentedCertificate | undefined> {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (!/CERT|VERIFY|ISSUER/.test(code) || code === "ERR_TLS_CERT_ALTNAME_INVALID") return undefined;
  const socket = connect({ ...options, rejectUnauthorized: false });
  const wrapped = new TlsSocket(socket, () => cause);
  try {
    await wrapped.secured(signal);
    return wrapped.tls.certificate;
  } catch {
    return undefined;
  } finally {
    wrapped.close();
  }
}

function nameOf(name: { readonly CN?: unknown; readonly O?: unknown } | undefined): string {
  return String(name?.CN ?? name?.O ?? "without a name");
}

/** Read ahead at most this much; then the network's own flow control holds the broker up. */
const AHEAD_BYTES_MAX = 256 * 1024;

/** Encrypted at a time: a whole batch would be held twice. */
const WRITE_BYTES_MAX = 128 * 1024;

/** Node's stream behind the two methods that a connection needs. */
class TlsSocket implements Socket {
  readonly #socket: TLSSocket;
  readonly #explain: (cause: unknown) => unknown;
  #chunks: Uint8Array[] = [];
  #aheadBytes = 0;
  #hasEnded = false;
  #failure: unknown;
  #wake: () => void = () => {};

  constructor(socket: TLSSocket, explain: (cause: unknown) => unknown) {
    this.#socket = socket;
    this.#explain = explain;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#aheadBytes += chunk.length;
      if (this.#aheadBytes > AHEAD_BYTES_MAX) socket.pause();
      this.#wake();
    });
    const end = (failure?: unknown) => {
      this.#failure ??= failure;
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on("error", end);
    socket.on("end", () => end());
    socket.on("close", () => end());
  }

  /** Resolves when the broker has shown a certificate that holds. @throws the handshake's own error */
  async secured(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason);
    const end = () => reject(this.#failure ?? new Error("the broker closed the connection"));
    this.#socket.once("secureConnect", () => {
      // Older runtimes say so before they have verified anything; then the error is still to come.
      if (this.#socket.getPeerCertificate()?.subject !== undefined) resolve();
    });
    this.#socket.once("close", end);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#socket.removeListener("close", end);
    }
  }

  get tls(): TlsFacts {
    const { subject, issuer, valid_from, valid_to } = this.#socket.getPeerCertificate();
    return {
      protocol: this.#socket.getProtocol?.() ?? undefined,
      certificate: {
        subject: nameOf(subject),
        issuer: nameOf(issuer),
        validFrom: new Date(valid_from),
        validTo: new Date(valid_to),
      },
    };
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk !== undefined) return this.#take(chunk, into);
      if (this.#failure !== undefined) throw this.#explain(this.#failure);
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const piece = bytes.length <= WRITE_BYTES_MAX ? bytes : bytes.subarray(0, WRITE_BYTES_MAX);
    const error = await new Promise<unknown>((resolve) => this.#socket.write(piece, resolve));
    if (error) throw this.#explain(this.#failure ?? error);
    return piece.length;
  }

  close(): void {
    this.#hasEnded = true;
    this.#socket.destroy();
    this.#wake();
  }

  #take(chunk: Uint8Array, into: Uint8Array): number {
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(count);
    this.#aheadBytes -= count;
    if (this.#aheadBytes <= AHEAD_BYTES_MAX / 2 && this.#socket.isPaused()) this.#socket.resume();
    return count;
  }
}
