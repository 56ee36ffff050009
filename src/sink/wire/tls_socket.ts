// Opens a TLS connection to a broker and verifies the broker's certificate.
//
// It uses node:tls: Deno.connectTls trusts the public authorities in addition to the given ones, and rejects
// a certificate that is its own authority. Both have the same throughput.

import { isIP } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { expectTlsRuntime } from "../../core/tls_runtime.ts";
import type { TlsSettings } from "./security.ts";
import type { HostPort } from "../../core/address.ts";
import type { PresentedCertificate, Socket, TlsFacts } from "./socket.ts";
import { tlsError } from "./tls_error.ts";

/**
 * Connects with TLS 1.2 or later, and verifies the broker's certificate: its chain, its dates, and that it is
 * issued for this host.
 * @throws CaptureError `kafka-unavailable` if the broker cannot be reached, `kafka-refused` if either side
 * rejects the other's certificate or the broker does not use TLS, `configuration` if the files or the runtime
 * cannot be used
 */
export async function openTlsSocket(
  address: HostPort,
  tls: TlsSettings,
  timeoutMs: number,
  signal: AbortSignal,
  denoVersion: string = Deno.version.deno,
): Promise<Socket> {
  signal.throwIfAborted();
  expectTlsRuntime(denoVersion);
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
 * The certificate that was rejected. The runtime reports only that it cannot verify it, so a second
 * connection, on which nothing is sent, reads it for the error's message.
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

/** The limit for bytes read ahead. Beyond it, TCP flow control stops the broker. */
const AHEAD_BYTES_MAX = 256 * 1024;

/** Encrypted at a time: a whole batch would be in memory twice. */
const WRITE_BYTES_MAX = 128 * 1024;

/** Node's stream as a `Socket`. */
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

  /** Resolves once the broker's certificate is verified. @throws the error of the handshake */
  async secured(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason);
    const end = () => reject(this.#failure ?? new Error("the broker closed the connection"));
    this.#socket.once("secureConnect", resolve);
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
      protocol: this.#socket.getProtocol() ?? undefined,
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
