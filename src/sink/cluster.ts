// The cluster: which brokers there are, and one connection to each that is needed.

import { CaptureError } from "../core/errors.ts";
import { unlessAborted } from "../core/wait.ts";
import { type BrokerAddress, metadata, type TopicMetadata } from "./wire/apis/metadata.ts";
import { Connection, type ConnectionOptions } from "./wire/connection.ts";
import { formatAddress, type HostPort } from "./wire/socket.ts";

/**
 * Connections by address, opened when they are first needed and again after they were lost. It lives as long as
 * the sink; nothing here tries twice, that is the supervisor's.
 */
export class Cluster {
  readonly #bootstrap: readonly HostPort[];
  readonly #options: ConnectionOptions;
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #closing = new AbortController();
  #brokers: readonly BrokerAddress[] = [];
  #controllerId = -1;

  constructor(bootstrap: readonly HostPort[], options: ConnectionOptions) {
    this.#bootstrap = bootstrap;
    this.#options = options;
  }

  /**
   * Asks a broker for the topics' metadata, and takes note of the brokers it names.
   * @param topics null: all topics that may be seen
   * @throws CaptureError `kafka-unavailable`
   */
  async metadata(topics: readonly string[] | null, signal: AbortSignal): Promise<readonly TopicMetadata[]> {
    const connection = await this.any(signal);
    const response = await connection.request(metadata, { topics }, signal);
    this.#brokers = response.brokers;
    this.#controllerId = response.controllerId;
    return response.topics;
  }

  /** A connection to any broker: an open one, else the first that can be reached. */
  async any(signal: AbortSignal): Promise<Connection> {
    const failures: CaptureError[] = [];
    for (const address of [...this.#connected, ...this.#bootstrap, ...this.#brokers]) {
      try {
        return await this.connectTo(address, signal);
      } catch (failure) {
        signal.throwIfAborted();
        if (!(failure instanceof CaptureError) || failure.kind !== "kafka-unavailable") throw failure;
        failures.push(failure);
      }
    }
    const hint = failures.find((failure) => failure.hint !== undefined)?.hint;
    const message = failures.map((failure) => failure.message).join("; ");
    throw new CaptureError("kafka-unavailable", message, hint === undefined ? {} : { hint });
  }

  /** A connection to the broker with that id. @throws CaptureError `kafka-unavailable` */
  async broker(nodeId: number, signal: AbortSignal): Promise<Connection> {
    const address = this.#brokers.find((broker) => broker.nodeId === nodeId);
    if (address === undefined) {
      throw new CaptureError(
        "kafka-unavailable",
        `Cannot connect to Kafka broker ${nodeId}: the cluster names none`,
      );
    }
    return await this.connectTo(address, signal);
  }

  /** A connection to the broker that makes topics, as far as the last metadata says. */
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
    // Not the caller's signal: another may come to wait for the same connection.
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
      throw this.#bootstrap.some((given) => formatAddress(given) === key) ? failure : ofAdvertised(failure);
    }
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

  get #connected(): readonly BrokerAddress[] {
    return this.#brokers.filter((broker) => this.#connections.has(formatAddress(broker)));
  }
}

/** An address that a person did not write: the brokers gave it. */
function ofAdvertised(failure: unknown): unknown {
  if (!(failure instanceof CaptureError) || failure.kind !== "kafka-unavailable") return failure;
  return new CaptureError(failure.kind, failure.message, {
    cause: failure,
    hint: "the cluster names this address: start that broker, or set its advertised.listeners to one that " +
      "can be reached from here",
  });
}
