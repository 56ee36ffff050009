// Knows Kafka's requests and responses as they pass a proxy, and holds, drops or cuts chosen ones.

/** The requests that tests choose, by api key (Kafka protocol guide, "Api Keys"). */
export const KafkaApi = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  FindCoordinator: 10,
  ApiVersions: 18,
  CreateTopics: 19,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  EndTxn: 26,
} as const;

/** Which frame is to be stopped, and how. */
export interface Choice {
  readonly api: number;
  readonly side: "request" | "response";
  /** The first one that passes from now on is 1; 1 when not given. */
  readonly nth?: number;
  /**
   * `hold`: until `release`. `drop`: it is lost, and nothing else. `reset`: it is lost with its connection. `edit`:
   * it and all after it go on as `edit` leaves them, until `release`.
   */
  readonly action: "hold" | "drop" | "reset" | "edit";
  /** Changes a frame in place; its length is in front. */
  readonly edit?: (frame: Uint8Array) => void;
}

/** A choice that waits for its frame. */
export class Interception {
  readonly choice: Choice;
  readonly #caught = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly #answered = Promise.withResolvers<void>();
  #resetClient: () => void = () => {};
  #isReleased = false;
  #left: number;

  constructor(choice: Choice) {
    this.choice = choice;
    this.#left = choice.nth ?? 1;
  }

  /** When the frame has come. */
  get caught(): Promise<void> {
    return this.#caught.promise;
  }

  /** When the broker has answered the request that was held. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  /** Lets a held frame go on; ends the editing of frames. */
  release(): void {
    this.#isReleased = true;
    this.#released.resolve();
  }

  /** Resets the client's end of the connection; the held frame still reaches the broker when it is released. */
  resetClient(): void {
    this.#resetClient();
  }

  /** Whether this frame is the chosen one. For the tap. */
  counts(api: number, side: Choice["side"]): boolean {
    if (api !== this.choice.api || side !== this.choice.side || this.#isReleased) return false;
    this.#left--;
    return this.#left === 0 || (this.#left < 0 && this.choice.action === "edit");
  }

  /** The frame has come; what the tap waits for before it goes on. For the tap. */
  async stop(resetClient: () => void): Promise<void> {
    this.#resetClient = resetClient;
    this.#caught.resolve();
    if (this.choice.action === "hold") await this.#released.promise;
  }

  /** The response has come. For the tap. */
  markAnswered(): void {
    this.#answered.resolve();
  }
}

/** What a tap works on. */
export interface TapParts {
  readonly interceptions: readonly Interception[];
  /** The port that the broker names as its own, and the one to name instead. */
  readonly brokerPort: number;
  readonly proxyPort: number;
  readonly resetClient: () => void;
  readonly resetBoth: () => void;
  readonly onRequest: (api: number) => void;
}

/** One connection's frames. */
export class KafkaTap {
  readonly #parts: TapParts;
  readonly #requests = new FrameSplitter();
  readonly #responses = new FrameSplitter();
  /** By correlation id, the requests that are not answered. */
  readonly #awaited = new Map<number, { readonly api: number; readonly held: Interception | undefined }>();
  #holding = 0;

  constructor(parts: TapParts) {
    this.#parts = parts;
  }

  /** Whether the broker still has to get or answer a frame that was held. */
  get isHolding(): boolean {
    return this.#holding > 0;
  }

  /** The frames to send on to the broker. */
  async *fromClient(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (const frame of this.#requests.push(bytes)) {
      const view = new DataView(frame.buffer, frame.byteOffset);
      const api = view.getInt16(4);
      const correlationId = view.getInt32(8);
      this.#parts.onRequest(api);
      const chosen = this.#choose(api, "request");
      this.#awaited.set(correlationId, { api, held: chosen });
      if (await this.#passes(chosen, frame)) yield frame;
    }
  }

  /** The frames to send on to the client. */
  async *fromBroker(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (const frame of this.#responses.push(bytes)) {
      const correlationId = new DataView(frame.buffer, frame.byteOffset).getInt32(4);
      const awaited = this.#awaited.get(correlationId);
      this.#awaited.delete(correlationId);
      if (awaited === undefined) {
        yield frame;
        continue;
      }
      if (awaited.held !== undefined) {
        awaited.held.markAnswered();
        this.#holding--;
      }
      if (ADDRESSES.has(awaited.api)) this.#renamePort(frame);
      if (await this.#passes(this.#choose(awaited.api, "response"), frame)) yield frame;
    }
  }

  #choose(api: number, side: Choice["side"]): Interception | undefined {
    return this.#parts.interceptions.filter((each) => each.counts(api, side))[0];
  }

  async #passes(chosen: Interception | undefined, frame: Uint8Array): Promise<boolean> {
    if (chosen === undefined) return true;
    const { action, side, edit } = chosen.choice;
    edit?.(frame);
    if (action === "hold" && side === "request") this.#holding++;
    if (action === "reset") this.#parts.resetBoth();
    await chosen.stop(this.#parts.resetClient);
    return action === "hold" || action === "edit";
  }

  /** A host is followed by its port in 4 bytes, in every version: `127.0.0.1` stays, the port becomes the proxy's. */
  #renamePort(frame: Uint8Array): void {
    const { brokerPort, proxyPort } = this.#parts;
    const host = new TextEncoder().encode("127.0.0.1");
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    for (let at = 8; at + host.length + 4 <= frame.length; at++) {
      if (!host.every((byte, index) => frame[at + index] === byte)) continue;
      if (view.getInt32(at + host.length) === brokerPort) view.setInt32(at + host.length, proxyPort);
    }
  }
}

/** Responses that name brokers. */
const ADDRESSES: ReadonlySet<number> = new Set([KafkaApi.Metadata, KafkaApi.FindCoordinator]);

/** Cuts a stream into frames: 4 bytes of length, then so many. */
export class FrameSplitter {
  #rest: Uint8Array = new Uint8Array();

  /** The frames that are whole with these bytes, each with its length in front. */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const frames: Uint8Array[] = [];
    let at = 0;
    while (all.length - at >= 4) {
      const end = at + 4 + new DataView(all.buffer).getInt32(at);
      if (end > all.length) break;
      frames.push(all.slice(at, end));
      at = end;
    }
    this.#rest = all.subarray(at);
    return frames;
  }
}
