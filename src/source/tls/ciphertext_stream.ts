// Lets node:tls work over a connection that does not come from node:net.

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { PlainLink } from "../link.ts";

const CIPHERTEXT_READ_BYTES = 64 * 1024;

/** The stream that TLS reads its records from and writes them to. */
export class CiphertextStream extends Duplex {
  readonly #plain: PlainLink;
  #reading = false;

  constructor(plain: PlainLink) {
    super({ allowHalfOpen: false, readableHighWaterMark: CIPHERTEXT_READ_BYTES });
    this.#plain = plain;
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    const bytes = new Uint8Array(CIPHERTEXT_READ_BYTES);
    this.#plain.read(bytes).then(
      (count) => {
        this.#reading = false;
        this.push(count === null ? null : Buffer.from(bytes.buffer, 0, count));
      },
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#plain.write(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#plain.close();
    done(error);
  }
}
