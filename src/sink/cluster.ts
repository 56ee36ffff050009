// The cluster: its brokers, and one connection to each that is needed.

import { CaptureError } from "../core/errors.ts";
import { delay, unlessAborted } from "../core/wait.ts";
import { firstAnswer } from "./first_answer.ts";
import type { Api } from "./wire/api.ts";
import { type BrokerAddress, metadata, type TopicMetadata } from "./wire/apis/metadata.ts";
import { Connection } from "./wire/connection.ts";
import type { ConnectionOptions } from "./wire/connection_options.ts";
import { formatAddress, type HostPort } from "../core/address.ts";

/**
 * Connections by address. They are opened when needed, and again after they were lost. It lives as long as
 * the sink and never retries a request with the same broker.
 */
export class Cluster {
  readonly #bootstrap: readonly HostPort[];
  readonly #options: ConnectionOptions;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #closing = new AbortController();
  #brokers: readonly BrokerAddress[] = [];
  #controllerId = -1;
  #answeredLast: HostPort | undefined;

  constructor(
    bootstrap: readonly HostPort[],
    options: Pick<ConnectionOptions, "clientId" | "security"> & Partial<ConnectionOptions>,
  ) {
    this.#bootstrap = bootstrap;
    this.#options = { ...TIMEOUTS, ...options };
  }

  /**
   * Asks a broker for the topics' metadata, and remembers the brokers that it names.
   * @param topics null: all topics that may be described
   * @throws CaptureError `kafka-unavailable`
   */
  async metadata(topics: readonly string[] | null, signal: AbortSignal): Promise<readonly TopicMetadata[]> {
    const response = await this.ask(metadata, { topics }, signal);
    this.#brokers = response.brokers;
    this.#controllerId = response.controllerId;
    return response.topics;
  }

  /**
   * Sends an idempotent request to any broker. If one does not answer, it tries others.
   * @throws CaptureError `kafka-unavailable` or `kafka-silent` if none answers
   */
  async ask<Request, Response>(
    api: Api<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> {
    return await this.#fromAny(async (address) => {
      const connection = await this.connectTo(address, signal);
      return await connection.request(api, request, signal);
    }, signal);
  }

  /** A connection to any broker: an open one, or to the first that can be reached. */
  async any(signal: AbortSignal): Promise<Connection> {
    return await this.#fromAny((address) => this.connectTo(address, signal), signal);
  }

  /** A connection to the broker with that id. @throws CaptureError `kafka-unavailable` */
  async broker(nodeId: number, signal: AbortSignal): Promise<Connection> {
    const address = this.#brokers.find((broker) => broker.nodeId === nodeId);
    if (address === undefined) throw notListed(nodeId);
    return await this.connectTo(address, signal);
  }

  /** As `broker`, after asking which brokers there are now. */
  async listedBroker(nodeId: number, signal: AbortSignal): Promise<Connection> {
    await this.metadata([], signal);
    return await this.broker(nodeId, signal);
  }

  /** A connection to the broker that creates topics, according to the last metadata. */
  controller(signal: AbortSignal): Promise<Connection> {
    return this.#controllerId < 0 ? this.any(signal) : this.broker(this.#controllerId, signal);
  }

  /** A connection to that address. @throws CaptureError `kafka-unavailable` */
  async connectTo(address: HostPort, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const key = formatAddress(address);
    const known = this.#connections.get(key);
    if (known !== undefined) {
      const connection = await unlessAborted(known, signal);
      if (connection.isOpen) return connection;
      if (this.#connections.get(key) !== known) return this.connectTo(address, signal);
    }
    // Not the caller's signal: others may wait for the same connection.
    const opening = Connection.open(
      { host: address.host, port: address.port },
      this.#options,
      this.#closing.signal,
    );
    this.#connections.set(key, opening);
    opening.catch(() => this.#connections.delete(key));
    try {
      return await unlessAborted(opening, signal);
    } catch (failure) {
      throw this.#bootstrap.some((given) => formatAddress(given) === key)
        ? failure
        : withAdvertisedHint(failure);
    }
  }

  /**
   * As `connectTo`, but waits at most `ms`. The attempt continues, and the next call waits for it.
   * @returns the error if the broker cannot be reached now
   */
  async connectWithin(
    address: HostPort,
    ms: number,
    signal: AbortSignal,
  ): Promise<Connection | CaptureError> {
    const tooSlow = new CaptureError(
      "kafka-unavailable",
      `Cannot connect to Kafka broker ${formatAddress(address)}: it does not answer`,
    );
    try {
      const connecting = this.connectTo(address, signal);
      connecting.catch(() => {}); // it may fail after the wait
      return await Promise.race([connecting, delay(ms, signal).then(() => tooSlow)]);
    } catch (failure) {
      signal.throwIfAborted();
      if (!(failure instanceof CaptureError) || failure.kind !== "kafka-unavailable") throw failure;
      return failure;
    }
  }

  /** As `connectWithin`, for the broker with that id. */
  async brokerWithin(nodeId: number, ms: number, signal: AbortSignal): Promise<Connection | CaptureError> {
    const address = this.#brokers.find((broker) => broker.nodeId === nodeId);
    return address === undefined ? notListed(nodeId) : await this.connectWithin(address, ms, signal);
  }

  /** Closes all connections. */
  close(): void {
    this.#closing.abort(
      new CaptureError("kafka-unavailable", "Cannot connect to Kafka: the sink was closed"),
    );
    for (const opening of this.#connections.values()) {
      opening.then((connection) => connection.close(), () => {});
    }
  }

  /** Tries the brokers in turn, beginning with the one that answered last. */
  async #fromAny<Result>(ask: (address: HostPort) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const isKnown = (address: HostPort) => this.#connections.has(formatAddress(address));
    const addresses = new Map<string, HostPort>();
    for (
      const address of [
        ...(this.#answeredLast === undefined ? [] : [this.#answeredLast]),
        ...this.#brokers.filter(isKnown),
        ...this.#bootstrap,
        ...this.#brokers,
      ]
    ) addresses.set(formatAddress(address), address);
    return await firstAnswer(
      [...addresses.values()].map((address) => async () => {
        const result = await ask(address);
        this.#answeredLast = address;
        return result;
      }),
      ASK_NEXT_MS,
      signal,
    );
  }
}

/**
 * Time limits of a connection. An idle capture sends a request every 10 s or sooner, so it notices a dead
 * link within 30 s.
 */
const TIMEOUTS = { connectTimeoutMs: 5_000, requestTimeoutMs: 18_000 };

/** A healthy broker answers in a few milliseconds, one that is frozen or cut off not for many seconds. */
const ASK_NEXT_MS = 200;

function notListed(nodeId: number): CaptureError {
  return new CaptureError(
    "kafka-unavailable",
    `Cannot connect to Kafka broker ${nodeId}: the cluster does not list it`,
  );
}

/** Adds a hint to an address that comes from the brokers, not from the settings. */
function withAdvertisedHint(failure: unknown): unknown {
  if (!(failure instanceof CaptureError) || failure.kind !== "kafka-unavailable") return failure;
  return new CaptureError(failure.kind, failure.message, {
    cause: failure,
    hint:
      "the cluster names this address: start that broker, or set its advertised.listeners to an address " +
      "that can be reached from here",
  });
}
