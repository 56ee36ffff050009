// One connection to one broker: requests go out in order, responses come back in the same order.

import { CaptureError } from "../../core/errors.ts";
import { unlessAborted } from "../../core/wait.ts";
import { VERSION } from "../../version.ts";
import type { Api } from "./api.ts";
import { apiVersions, type VersionRange } from "./apis/api_versions.ts";
import type { BufferReader } from "./buffer_reader.ts";
import { BufferWriter } from "./buffer_writer.ts";
import { ErrorCode, errorCodeName } from "./error_codes.ts";
import { Exchange } from "./exchange.ts";
import { FrameReader } from "./frame_reader.ts";
import { authenticate } from "./sasl/authenticate.ts";
import type { KafkaSecurity, SaslSettings } from "./security.ts";
import { formatAddress, type HostPort, openSocket, type Socket, type TlsFacts } from "./socket.ts";
import { disconnectHint } from "./disconnect_hint.ts";
import { openTlsSocket } from "./tls_socket.ts";

export interface ConnectionOptions {
  /** Names this program in the broker's logs and quotas. */
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  /** The longest that a response is awaited; then the connection is given up. */
  readonly requestTimeoutMs: number;
  readonly security: KafkaSecurity;
}

/**
 * A connection that is ready for requests. Once it is lost, or a response is late or malformed, it is closed
 * for good and everything that awaits a response is rejected: what became of those requests is unknown.
 *
 * Kafka answers the requests of a connection in order, so a response belongs to the oldest request.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #address: HostPort;
  readonly #options: ConnectionOptions;
  readonly #writer = new BufferWriter();
  readonly #awaiting: Pick<Exchange<unknown>, "correlationId" | "answer" | "reject">[] = [];
  #versions: ReadonlyMap<number, VersionRange> = new Map();
  #correlationId = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  /** While a login is renewed: nothing else may be sent between its messages. */
  #renewal: Promise<void> | undefined;
  #renewalTimer: ReturnType<typeof setTimeout> | undefined;
  #answers = 0;
  #failure: CaptureError | undefined;

  private constructor(socket: Socket, address: HostPort, options: ConnectionOptions) {
    this.#socket = socket;
    this.#address = address;
    this.#options = options;
    this.#receive();
  }

  /**
   * Connects, asks for the broker's versions, and logs in.
   * @throws CaptureError `kafka-unavailable`; `kafka-refused` when the broker speaks no version that is known here,
   * or one side refuses the other's certificate or login
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

  /** How it is encrypted; undefined where it is not. */
  get tls(): TlsFacts | undefined {
    return this.#socket.tls;
  }

  /**
   * Sends a request and waits for its response, in the highest version that both sides know.
   *
   * When the signal aborts before the request is written as a whole, the connection is given up: half of a
   * request can't be taken back. After that only the wait ends.
   * @throws CaptureError `kafka-unavailable` when there was no response, `kafka-refused` when there is no common version
   */
  async request<Request, Response>(
    api: Api<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> {
    if (this.#renewal !== undefined) await this.#renewed(signal);
    return await this.#exchange(api, this.#commonVersion(api), request, signal);
  }

  /** Sends a request that has no response: a Produce with acks 0. Returns when the request is written. */
  async send<Request>(api: Api<Request, unknown>, request: Request, signal: AbortSignal): Promise<void> {
    if (this.#renewal !== undefined) await this.#renewed(signal);
    await this.#exchange(api, this.#commonVersion(api), request, signal, { answered: false });
  }

  /** Closes it; what awaits a response is rejected. */
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
      (api, request) => this.#exchange(api, this.#commonVersion(api), request, signal),
      signal,
      { isRenewal },
    );
    if (sessionLifetimeMs > 0 && this.isOpen) this.#renewBefore(sasl, sessionLifetimeMs);
  }

  /**
   * Logs in again on this connection before the broker ends the session (KIP-368). Requests that are on their way
   * are answered first; those that come meanwhile wait for it.
   */
  #renewBefore(sasl: SaslSettings, sessionLifetimeMs: number): void {
    const waitMs = Math.max(RENEWAL_MS_MIN, sessionLifetimeMs * RENEWAL_PART);
    this.#renewalTimer = setTimeout(() => this.#renew(sasl), Math.min(waitMs, TIMER_MS_MAX));
  }

  /** Never rejects: what goes wrong ends the connection. */
  async #renew(sasl: SaslSettings): Promise<void> {
    const limit = AbortSignal.timeout(this.#options.requestTimeoutMs);
    try {
      // Before others have to wait for it.
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

  #commonVersion(api: Api<never, unknown>): number {
    const range = this.#versions.get(api.key);
    const version = Math.min(api.versionMax, range?.max ?? -1);
    if (version >= Math.max(api.versionMin, range?.min ?? 0)) return version;
    const spoken = range === undefined ? "does not speak it" : `speaks versions ${range.min} to ${range.max}`;
    throw new CaptureError(
      "kafka-refused",
      `Cannot send ${api.name} to Kafka broker ${formatAddress(this.#address)}: it ${spoken}, ` +
        `known here are ${api.versionMin} to ${api.versionMax}`,
      { hint: "use Apache Kafka 3.0 or later" },
    );
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
      // ApiVersions is answered with the old header, so that a client that knows no versions yet can read it.
      try {
        if (isFlexible && api.key !== apiVersions.key) reader.tags();
        return api.decode(reader, version);
      } catch (error) {
        throw this.#placed(error);
      }
    });
    const giveUp = () => {
      const isHalfWritten = exchange.state === "writing";
      exchange.reject(signal.reason);
      if (isHalfWritten) this.#fail(this.#error("a request was given up half written"));
    };
    const timer = setTimeout(() => {
      const found = `no answer to ${api.name} within ${this.#options.requestTimeoutMs / 1000} s`;
      this.#fail(this.#error(found, undefined, "kafka-silent"));
      exchange.reject(this.#failure);
    }, this.#options.requestTimeoutMs);
    signal.addEventListener("abort", giveUp);
    try {
      this.#lastWrite = this.#lastWrite.then(() =>
        this.#write(exchange, answered, () => {
          exchange.correlationId = this.#startFrame(api.key, version, isFlexible);
          api.encode(this.#writer, request, version);
        })
      );
      return await exchange.response;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Never rejects: whatever goes wrong is told to the exchange. */
  async #write<Response>(exchange: Exchange<Response>, answered: boolean, encode: () => void): Promise<void> {
    if (this.#failure !== undefined) return exchange.reject(this.#failure);
    if (exchange.state === "settled") return;
    try {
      this.#writer.reset();
      encode();
      this.#writer.setInt32(0, this.#writer.length - 4);
    } catch (bug) {
      return exchange.reject(bug); // nothing was sent
    }
    try {
      exchange.state = "writing";
      if (answered) this.#awaiting.push(exchange);
      for (const chunk of this.#writer.chunks()) await this.#writeAll(chunk);
      if (answered) exchange.written();
      else exchange.resolve(undefined as Response);
    } catch (cause) {
      this.#fail(cause instanceof CaptureError ? cause : this.#error("writing failed", cause));
      exchange.reject(this.#failure);
    }
  }

  /** Request header, version 1 or 2; the client id is never compact. */
  #startFrame(apiKey: number, version: number, isFlexible: boolean): number {
    const correlationId = this.#correlationId;
    this.#correlationId = (correlationId + 1) & 0x7fffffff;
    this.#writer.int32(0); // the length, known later
    this.#writer.int16(apiKey);
    this.#writer.int16(version);
    this.#writer.int32(correlationId);
    this.#writer.string(this.#options.clientId);
    if (isFlexible) this.#writer.noTags();
    return correlationId;
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length;) {
      written += await this.#socket.write(written === 0 ? chunk : chunk.subarray(written));
    }
  }

  /** Reads as long as the connection lives, so that its end is noticed at once, even while nothing is awaited. */
  async #receive(): Promise<void> {
    const frames = new FrameReader((frame) => this.#respond(frame));
    try {
      while (await frames.readFrom(this.#socket));
      this.#fail(this.#error("the broker closed it"));
    } catch (cause) {
      this.#fail(cause instanceof CaptureError ? this.#placed(cause) : this.#error("reading failed", cause));
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

  /** What was found in a broker's bytes, and where. @throws what is not a CaptureError: a bug */
  #placed(error: unknown): CaptureError {
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

/** Of a session's life, after which the login is renewed; Kafka's own clients do it at 85 to 95 %. */
const RENEWAL_PART = 0.85;
/** A broker takes no second login within a second (KafkaChannel.maybeBeginServerReauthentication). */
const RENEWAL_MS_MIN = 1_100;
/** A longer timer would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
