// Watches the frames of backend messages, so that a server that sends garbage costs no memory.

import { CaptureError } from "../errors.ts";

const HEADER_BYTES = 5;
const READY_FOR_QUERY = "Z".charCodeAt(0);
// Far above what the queries of this program are answered with, a login included.
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes pass by in any pieces; of an answer (up to ReadyForQuery) only so many. */
export class FrameGuard {
  /** Of the message at hand: its header as far as it came, and what of its body is to come. */
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #bodyBytes = 0;
  #answerBytes = 0;

  /** @throws CaptureError `decoding` when what came can't be PostgreSQL's */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#bodyBytes > 0) {
        const count = Math.min(this.#bodyBytes, bytes.length - at);
        this.#bodyBytes -= count;
        at += count;
        continue;
      }
      this.#header[this.#headerBytes++] = bytes[at++]!;
      if (this.#headerBytes === HEADER_BYTES) this.#begin();
    }
  }

  #begin(): void {
    this.#headerBytes = 0;
    const [type = 0] = this.#header;
    const length = new DataView(this.#header.buffer).getUint32(1);
    const isLetter = (type >= 0x41 && type <= 0x5a) || (type >= 0x61 && type <= 0x7a) ||
      (type >= 0x31 && type <= 0x33);
    if (!isLetter || length < 4) {
      throw malformed(`a message of type ${type} and ${length} bytes, which the protocol does not have`);
    }
    this.#bodyBytes = length - 4;
    this.#answerBytes = type === READY_FOR_QUERY ? 0 : this.#answerBytes + length;
    if (this.#answerBytes > ANSWER_BYTES_MAX) throw malformed("an answer without an end");
  }
}

/** What came from the server is not what the protocol allows. */
export function malformed(found: string): CaptureError {
  return new CaptureError("decoding", `Cannot read PostgreSQL's answer: it sent ${found}`, {
    hint: "see that PG_HOST and PG_PORT are PostgreSQL's, and that nothing on the way changes what it sends",
  });
}
