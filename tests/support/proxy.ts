// A TCP proxy in front of a server, that does to connections what networks do; controlled while it runs.

import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "../../dev/servers/ports.ts";
import { delay } from "../../dev/servers/server_process.ts";
import { type Choice, Interception, KafkaTap } from "./kafka_tap.ts";
import { Cut, Flip, type LsnPlace, PostgresTap } from "./postgres_tap.ts";
import { goodLane, Lane, type LaneConditions } from "./proxy_lane.ts";

export { type Interception, KafkaApi } from "./kafka_tap.ts";

/** Which way: to the server, to the client, or both. */
export type Way = "to-server" | "to-client" | "both";

/** What is behind it. */
export interface ProxyTarget {
  readonly port: number;
  /**
   * `kafka`: frames are known, and the broker's own address in its answers becomes the proxy's. `postgres`: messages
   * are known.
   */
  readonly protocol: "kafka" | "postgres" | "any";
  /** Where it listens; 127.0.0.1 and a free port when not given. */
  readonly at?: { readonly host: string; readonly port: number };
}

/** Starts a proxy. */
export async function startProxy(target: ProxyTarget): Promise<Proxy> {
  const proxy = new Proxy(target);
  await proxy.accept();
  return proxy;
}

/** A running proxy. */
export class Proxy implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly toServer: LaneConditions = goodLane();
  readonly toClient: LaneConditions = goodLane();
  /** How many requests of each Kafka api key have passed. */
  readonly requests = new Map<number, number>();
  #target: ProxyTarget;
  readonly #links = new Set<Link>();
  readonly #interceptions: Interception[] = [];
  readonly #cuts: Cut[] = [];
  readonly #flips: Flip[] = [];
  #server: Server | undefined;
  #connections = 0;

  constructor(target: ProxyTarget) {
    this.#target = target;
    this.host = target.at?.host ?? SERVER_HOST;
    this.port = target.at?.port ?? freePort();
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** How many connections it has taken so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Takes connections, at first and again after `refuse`. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: false }, (client) => this.#connect(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, this.host, resolve);
    });
  }

  /** From now on connections are refused; those that are there stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await new Promise<void>((resolve) => server === undefined ? resolve() : resolve(void server.close()));
    // A closed listener may take one more connection that was on its way.
    await delay(5);
  }

  /** Changes the conditions of one way or both. */
  set(conditions: Partial<LaneConditions>, way: Way = "both"): void {
    if (way !== "to-client") Object.assign(this.toServer, conditions);
    if (way !== "to-server") Object.assign(this.toClient, conditions);
  }

  /** Whatever is sent is lost, in new connections too, until `heal`. */
  blackHole(way: Way = "both"): void {
    this.set({ state: "swallowing" }, way);
    for (const link of this.#links) link.markLost(way);
  }

  /** Nothing is sent on, and nothing is closed, until `heal`. */
  stall(way: Way = "both"): void {
    this.set({ state: "stalled" }, way);
  }

  /** All is well again; connections that lost bytes in a black hole stay dead. */
  heal(): void {
    this.set(goodLane());
  }

  /** Ends all connections with a reset, now. */
  reset(): void {
    for (const link of this.#links) link.reset();
  }

  /** Resets all connections, again and again, until `stop` aborts. */
  async flap(everyMs: number, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await delay(everyMs, stop);
      this.reset();
    }
  }

  /** From now on connections go to another server: its address was moved there. */
  moveTo(port: number): void {
    this.#target = { ...this.#target, port };
    this.reset();
  }

  /** Chooses a Kafka request or response that is to pass from now on. */
  intercept(choice: Choice): Interception {
    const interception = new Interception(choice);
    this.#interceptions.push(interception);
    return interception;
  }

  /** Chooses a PostgreSQL message that is to pass from now on: it is lost with its connection. */
  cut(side: Cut["side"], kind: string): Cut {
    const cut = new Cut(side, kind);
    this.#cuts.push(cut);
    return cut;
  }

  /** Flips a bit of an LSN in the next message of a kind that the server sends. */
  flip(place: LsnPlace, bit: number): Flip {
    const flip = new Flip(place, bit);
    this.#flips.push(flip);
    return flip;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const interception of this.#interceptions) interception.release();
    await this.refuse();
    this.reset();
  }

  #connect(client: Socket): void {
    this.#connections++;
    const server = connect({ port: this.#target.port, host: SERVER_HOST });
    const link: Link = new Link(client, server, this.toServer, this.toClient, {
      target: this.#target,
      proxyPort: this.port,
      interceptions: this.#interceptions,
      cuts: this.#cuts,
      flips: this.#flips,
      onRequest: (api) => this.requests.set(api, (this.requests.get(api) ?? 0) + 1),
    });
    this.#links.add(link);
    link.run().finally(() => this.#links.delete(link));
  }
}

const SERVER_HOST = "127.0.0.1";

interface LinkParts {
  readonly target: ProxyTarget;
  readonly proxyPort: number;
  readonly interceptions: readonly Interception[];
  readonly cuts: readonly Cut[];
  readonly flips: readonly Flip[];
  readonly onRequest: (api: number) => void;
}

/** A client's connection and the server's. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #toServer: Lane;
  readonly #toClient: Lane;
  readonly #tap: KafkaTap | PostgresTap | undefined;

  constructor(
    client: Socket,
    server: Socket,
    toServer: LaneConditions,
    toClient: LaneConditions,
    { target, proxyPort, interceptions, cuts, flips, onRequest }: LinkParts,
  ) {
    this.#client = client;
    this.#server = server;
    this.#toServer = new Lane(server, toServer);
    this.#toClient = new Lane(client, toClient);
    // An error is followed by the end of the reading loop, which is all that counts.
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
    }
    if (target.protocol === "kafka") {
      this.#tap = new KafkaTap({
        interceptions,
        onRequest,
        brokerPort: target.port,
        proxyPort,
        resetClient: () => reset(client),
        resetBoth: () => this.reset(),
      });
    } else if (target.protocol === "postgres") {
      this.#tap = new PostgresTap(cuts, flips, () => this.reset());
    }
  }

  /** Until both ends are closed. */
  async run(): Promise<void> {
    const writing = Promise.all([this.#toServer.run(), this.#toClient.run()]);
    const tap = this.#tap;
    await Promise.all([
      this.#pass(this.#client, this.#toServer, tap && ((bytes) => tap.fromClient(bytes)))
        .then(() => this.#closeServer()),
      this.#pass(this.#server, this.#toClient, tap && ((bytes) => tap.fromBroker(bytes)))
        .then(async () => {
          await this.#toClient.drain();
          this.#client.end();
          this.#client.destroy();
        }),
    ]);
    this.#toServer.close();
    this.#toClient.close();
    await writing;
  }

  markLost(way: Way): void {
    if (way !== "to-client") this.#toServer.markLost();
    if (way !== "to-server") this.#toClient.markLost();
  }

  reset(): void {
    this.#toServer.close();
    this.#toClient.close();
    reset(this.#client);
    reset(this.#server);
  }

  async #pass(
    from: Socket,
    lane: Lane,
    filter: ((bytes: Uint8Array) => AsyncIterable<Uint8Array>) | undefined,
  ): Promise<void> {
    try {
      for await (const chunk of from) {
        if (filter === undefined) await lane.push(chunk);
        else for await (const frame of filter(chunk)) await lane.push(frame);
      }
    } catch {
      // A reset: the end, too.
    }
  }

  /** What the client sent before it left still reaches the server, and so does a request that is held. */
  async #closeServer(): Promise<void> {
    await this.#toServer.drain();
    while (this.#tap?.isHolding && !this.#server.destroyed) await delay(HOLDING_POLL_MS);
    this.#server.destroy();
  }
}

const HOLDING_POLL_MS = 5;

/** Ends it with a TCP reset: what is on its way is lost. */
function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}
