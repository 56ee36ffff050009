// A connection to a broker: sends requests, and matches the responses to them in order.

import { CaptureError } from "../../core/errors.ts";
import { unlessAborted } from "../../core/wait.ts";
import { VERSION } from "../../version.ts";
import type { Api } from "./api.ts";
import { commonVersion } from "./common_version.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { apiVersions, type VersionRange } from "./apis/api_versions.ts";
import type { BufferReader } from "./buffer_reader.ts";
import { ErrorCode, errorCodeName } from "./error_codes.ts";
import { Exchange } from "./exchange.ts";
import { FrameReader } from "./frame_reader.ts";
import { RequestEncoder } from "./request_encoder.ts";
import { authenticate } from "./sasl/authenticate.ts";
import type { SaslSettings } from "./security.ts";
import { formatAddress, type HostPort } from "../../core/address.ts";
import { openSocket, type Socket, type TlsFacts } from "./socket.ts";
import { disconnectHint } from "./disconnect_hint.ts";
import { openTlsSocket } from "./tls_socket.ts";

/**
 * A connection that is ready for requests. If it is lost, or a response is late or malformed, it is closed
 * and all pending requests are rejected: their outcome is unknown.
 *
 * Kafka answers the requests of a connection in order, so a response belongs to the oldest request.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #address: HostPort;
  readonly #options: ConnectionOptions;
  readonly #encoder: RequestEncoder;
  readonly #awaiting: Pick<Exchange<unknown>, "correlationId" | "answer" | "reject">[] = [];
  #versions: ReadonlyMap<number, VersionRange> = new Map();
  #lastWrite: Promise<void> = Promise.resolve();
  /** Set while a login is renewed: nothing else may be sent between its messages. */
  #renewal: Promise<void> | undefined;
  #renewalTimer: ReturnType<typeof setTimeout> | undefined;
  #answers = 0;
  #failure: CaptureError | undefined;

  private constructor(socket: Socket, address: HostPort, options: ConnectionOptions) {
    this.#socket = socket;
    this.#address = address;
    this.#options = options;
    this.#encoder = new RequestEncoder(options.clientId);
    this.#receive();
  }

  /**
   * Connects, requests the broker's API versions, and logs in.
   * @throws CaptureError `kafka-unavailable`; `kafka-refused` if there is no common version, or one side
   * rejects the other's certificate or login
   */
  static async open(address: HostPort, options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    const { tls, sasl } = options.security;
    const socket = tls === undefined
      ? await openSocket(address, options.connectTimeoutMs, signal)
      : await openTlsSocket(address, tls, options.connectTimeoutMs, signal);
    const connection = new Connection(socket, address, options);
    try {
      await connection.#askVersions(signal);
      if (sasl !== undefined) await connection.#logIn(sasl, signal, false);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** How it is encrypted; undefined if it is not. */
  get tls(): TlsFacts | undefined {
    return this.#socket.tls;
  }

  /**
   * Sends a request in the highest version that both sides support, and waits for its response.
   *
   * If the signal aborts while the request is being written, the connection is closed: part of a request
   * cannot be taken back. After that only the wait ends.
   * @throws CaptureError `kafka-unavailable` if there is no response, `kafka-refused` if there is no common
   * version
   */
  async request<Request, Response>(
    api: Api<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> {
    if (this.#renewal !== undefined) await this.#renewed(signal);
    return await this.#exchange(api, this.#version(api), request, signal);
  }

  /** Sends a Produce with acks 0, which has no response. Returns when it is written. */
  async send<Request>(api: Api<Request, unknown>, request: Request, signal: AbortSignal): Promise<void> {
    if (this.#renewal !== undefined) await this.#renewed(signal);
    await this.#exchange(
      api,
      this.#version(api),
      request,
      signal,
      { answered: false },
    );
  }

  /** Closes the connection and rejects pending requests. */
  close(): void {
    this.#fail(this.#error("it was closed"));
  }

  async #askVersions(signal: AbortSignal): Promise<void> {
    const request = { clientName: "pg-capture", clientVersion: VERSION };
    let response = await this.#exchange(apiVersions, apiVersions.versionMax, request, signal);
    if (response.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
      response = await this.#exchange(apiVersions, apiVersions.versionMin, request, signal);
    }
    if (response.errorCode !== ErrorCode.NONE) throw this.#error(errorCodeName(response.errorCode));
    this.#versions = response.versions;
  }

  async #logIn(sasl: SaslSettings, signal: AbortSignal, isRenewal: boolean): Promise<void> {
    const sessionLifetimeMs = await authenticate(
      this.#address,
      sasl,
      (api, request) => this.#exchange(api, this.#version(api), request, signal),
      signal,
      { isRenewal },
    );
    if (sessionLifetimeMs > 0 && this.isOpen) this.#renewBefore(sasl, sessionLifetimeMs);
  }

  /**
   * Logs in again on this connection before the broker ends the session (KIP-368). Requests that were sent
   * before are answered first, later ones wait.
   */
  #renewBefore(sasl: SaslSettings, sessionLifetimeMs: number): void {
    const waitMs = Math.max(RENEWAL_MS_MIN, sessionLifetimeMs * RENEWAL_PART);
    this.#renewalTimer = setTimeout(() => this.#renew(sasl), Math.min(waitMs, TIMER_MS_MAX));
  }

  /** Never rejects: an error closes the connection. */
  async #renew(sasl: SaslSettings): Promise<void> {
    const limit = AbortSignal.timeout(this.#options.requestTimeoutMs);
    try {
      // Get the token first: other requests wait only for the login itself.
      if (sasl.mechanism === "OAUTHBEARER") await sasl.token(limit, true);
      const login = this.#logIn(sasl, limit, true);
      this.#renewal = login.catch(() => {});
      await login;
    } catch (error) {
      this.#fail(error instanceof CaptureError ? error : this.#error("logging in again failed", error));
    } finally {
      this.#renewal = undefined;
    }
  }

  async #renewed(signal: AbortSignal): Promise<void> {
    while (this.#renewal !== undefined) await unlessAborted(this.#renewal, signal);
  }

  #version(api: Api<never, unknown>): number {
    return commonVersion(api, this.#versions.get(api.key), this.#address);
  }

  async #exchange<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
    signal: AbortSignal,
    { answered } = { answered: true },
  ): Promise<Response> {
    signal.throwIfAborted();
    const isFlexible = version >= api.flexibleFrom;
    const exchange = new Exchange<Response>((reader) => {
      // The response to ApiVersions has the old header, which a client can read before it knows the versions.
      try {
        if (isFlexible && api.key !== apiVersions.key) reader.tags();
        return api.decode(reader, version);
      } catch (error) {
        throw this.#withAddress(error);
      }
    });
    const giveUp = () => {
      const isHalfWritten = exchange.state === "writing";
      exchange.reject(signal.reason);
      if (isHalfWritten) this.#fail(this.#error("a request was abandoned while it was being written"));
    };
    const timer = setTimeout(() => {
      const found = `no answer to ${api.name} within ${this.#options.requestTimeoutMs / 1000} s`;
      this.#fail(this.#error(found, undefined, "kafka-silent"));
      exchange.reject(this.#failure);
    }, this.#options.requestTimeoutMs);
    signal.addEventListener("abort", giveUp);
    try {
      this.#lastWrite = this.#lastWrite.then(() =>
        this.#write(exchange, answered, () => this.#encoder.encode(api, version, request))
      );
      return await exchange.response;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Never rejects: an error rejects the exchange. */
  async #write<Response>(
    exchange: Exchange<Response>,
    answered: boolean,
    encode: () => number,
  ): Promise<void> {
    if (this.#failure !== undefined) return exchange.reject(this.#failure);
    if (exchange.state === "settled") return;
    try {
      exchange.correlationId = encode();
    } catch (bug) {
      return exchange.reject(bug); // nothing was sent
    }
    try {
      exchange.state = "writing";
      if (answered) this.#awaiting.push(exchange);
      for (const chunk of this.#encoder.chunks()) await this.#writeAll(chunk);
      if (answered) exchange.written();
      else exchange.resolve(undefined as Response);
    } catch (cause) {
      this.#fail(cause instanceof CaptureError ? cause : this.#error("writing failed", cause));
      exchange.reject(this.#failure);
    }
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length;) {
      written += await this.#socket.write(written === 0 ? chunk : chunk.subarray(written));
    }
  }

  /** Reads as long as the connection is open, to notice its end at once even without pending requests. */
  async #receive(): Promise<void> {
    const frames = new FrameReader((frame) => this.#respond(frame));
    try {
      while (await frames.readFrom(this.#socket));
      this.#fail(this.#error("the broker closed it"));
    } catch (cause) {
      this.#fail(
        cause instanceof CaptureError ? this.#withAddress(cause) : this.#error("reading failed", cause),
      );
    }
  }

  #respond(frame: BufferReader): void {
    const correlationId = frame.int32();
    const exchange = this.#awaiting[0];
    if (exchange?.correlationId !== correlationId) throw this.#error("a response answers no request");
    this.#awaiting.shift();
    exchange.answer(frame);
    this.#answers++;
  }

  #fail(failure: CaptureError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    clearTimeout(this.#renewalTimer);
    this.#socket.close();
    for (const exchange of this.#awaiting.splice(0)) exchange.reject(failure);
  }

  /**
   * Adds the broker's address to an error in its bytes.
   * @throws an error that is not a CaptureError: a bug
   */
  #withAddress(error: unknown): CaptureError {
    if (!(error instanceof CaptureError)) throw error;
    const address = formatAddress(this.#address);
    if (error.message.includes(address)) return error;
    return new CaptureError(error.kind, `Lost the connection to Kafka broker ${address}: ${error.message}`, {
      ...(error.hint === undefined
        ? disconnectHint(this.#options.security, this.#answers)
        : { hint: error.hint }),
      cause: error.cause,
    });
  }

  #error(
    found: string,
    cause?: unknown,
    kind: "kafka-unavailable" | "kafka-silent" = "kafka-unavailable",
  ): CaptureError {
    const detail = cause instanceof Error ? `${found}: ${cause.message}` : found;
    return new CaptureError(
      kind,
      `Lost the connection to Kafka broker ${formatAddress(this.#address)}: ${detail}`,
      { ...disconnectHint(this.#options.security, this.#answers), cause },
    );
  }
}

/** Part of a session's lifetime after which the login is renewed. Kafka's own clients renew at 85 to 95 %. */
const RENEWAL_PART = 0.85;
/** A broker rejects a second login within a second (KafkaChannel.maybeBeginServerReauthentication). */
const RENEWAL_MS_MIN = 1_100;
/** A longer timer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
