// The state of one request, until its response.

import type { BufferReader } from "./buffer_reader.ts";

/** A request and the promise of its response. Once it is settled, later events are ignored. */
export class Exchange<Response> {
  correlationId = -1;
  state: "queued" | "writing" | "written" | "settled" = "queued";
  readonly response: Promise<Response>;
  readonly #decode: (reader: BufferReader) => Response;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(decode: (reader: BufferReader) => Response) {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#decode = decode;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The complete request has been written to the socket. */
  written(): void {
    if (this.state === "writing") this.state = "written";
  }

  /** Decodes the response. @throws CaptureError if it is malformed, and rejects the promise with it */
  answer(reader: BufferReader): void {
    if (this.state === "settled") return;
    try {
      this.resolve(this.#decode(reader));
    } catch (error) {
      this.reject(error);
      throw error;
    }
  }

  resolve(response: Response): void {
    this.state = "settled";
    this.#resolve(response);
  }

  reject(reason: unknown): void {
    this.state = "settled";
    this.#reject(reason);
  }
}
