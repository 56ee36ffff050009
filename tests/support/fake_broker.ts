// A Kafka broker that says what a test tells it to, byte by byte.

import { strict as assert } from "node:assert";

/** What comes back: a response, nothing, or the connection's end. */
export type Answer = Uint8Array | "close" | null;

/** What can be chosen about it. */
export interface FakeBrokerOptions {
  /** Reads from a connection once, and then never again. */
  readonly readOnce: boolean;
  /** Said at once to whoever connects. */
  readonly greeting?: Uint8Array;
  /** Whether it talks to several at a time; else one after another. */
  readonly isParallel?: boolean;
}

/** A broker of the test's own: listens, and gives each whole request to `answer`, which says what comes back. */
export class FakeBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  readonly #options: FakeBrokerOptions;
  readonly #connections: Deno.Conn[] = [];

  constructor(
    answer: (frame: Uint8Array<ArrayBuffer>, write: (bytes: Uint8Array) => void) => Answer,
    options: FakeBrokerOptions = { readOnce: false },
  ) {
    this.#options = options;
    this.#serving = this.#serve(answer);
  }

  get address() {
    return { host: "127.0.0.1", port: this.#listener.addr.port };
  }

  async #serve(
    answer: (frame: Uint8Array<ArrayBuffer>, write: (bytes: Uint8Array) => void) => Answer,
  ): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.push(connection);
      const conversation = this.#converse(connection, answer).catch(() => {});
      if (this.#options.isParallel !== true) await conversation;
    }
  }

  async #converse(
    connection: Deno.Conn,
    answer: (frame: Uint8Array<ArrayBuffer>, write: (bytes: Uint8Array) => void) => Answer,
  ): Promise<void> {
    const { greeting, readOnce } = this.#options;
    if (greeting !== undefined) await connection.write(greeting);
    const writes: Promise<number>[] = [];
    const write = (bytes: Uint8Array) => writes.push(connection.write(bytes));
    const buffer = new Uint8Array(1 << 16);
    for (let filled = 0;;) {
      filled += await connection.read(buffer.subarray(filled)) ?? assert.fail("end");
      for (let length = frameLength(buffer, filled); length > 0; length = frameLength(buffer, filled)) {
        const said = answer(buffer.slice(0, length), write);
        await Promise.all(writes.splice(0));
        if (said === "close") return connection.close();
        if (said !== null) await connection.write(said);
        buffer.copyWithin(0, length, filled);
        filled -= length;
      }
      if (readOnce) return;
    }
  }

  async [Symbol.asyncDispose]() {
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // It was closed by the conversation.
      }
    }
    await this.#serving.catch(() => {});
  }
}

function frameLength(buffer: Uint8Array<ArrayBuffer>, filled: number): number {
  const length = filled < 4 ? 0 : 4 + new DataView(buffer.buffer).getInt32(0);
  return length <= filled ? length : 0;
}

/** The api key of a request's frame. */
export function apiKeyOf(frame: Uint8Array<ArrayBuffer>): number {
  return new DataView(frame.buffer).getInt16(4);
}

/** A response's frame: the correlation id of the request, then the body. */
export function response(request: Uint8Array, body: readonly number[]): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array([0, 0, 0, 0, ...request.subarray(8, 12), ...body]);
  new DataView(frame.buffer).setInt32(0, frame.length - 4);
  return frame;
}
