// Splits the bytes of a connection into frames, in a buffer that is reused.

import { advice, setting } from "../../core/advice.ts";
import { CaptureError } from "../../core/errors.ts";
import { BufferReader, malformed } from "./buffer_reader.ts";
import type { Socket } from "./socket.ts";

const LENGTH_BYTES = 4;
const BUFFER_BYTES = 16 * 1024;
/** Far more than any response to the requests of this program. A longer frame is not Kafka's protocol. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** The first bytes of a TLS record that holds an alert (RFC 8446, section 5.1). */
const TLS_ALERT = 0x1503;

/** Passes each complete frame, without its length, to `take`. The frame is valid until `take` returns. */
export class FrameReader {
  readonly #take: (frame: BufferReader) => void;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #filled = 0;

  constructor(take: (frame: BufferReader) => void) {
    this.#take = take;
  }

  /**
   * Reads once from the socket, and passes on the frames that are complete.
   * @returns false at the end of the stream
   * @throws CaptureError if a frame's length is invalid, without the broker's address; and whatever `take`
   * throws
   */
  async readFrom(socket: Socket): Promise<boolean> {
    const count = await socket.read(this.#buffer.subarray(this.#filled));
    if (count === null) return false;
    this.#filled += count;
    this.#takeFrames();
    this.#makeRoom();
    return true;
  }

  #takeFrames(): void {
    const view = new DataView(this.#buffer.buffer);
    let start = 0;
    while (this.#filled - start >= LENGTH_BYTES) {
      const length = view.getInt32(start);
      if (length < 4 || length > FRAME_BYTES_MAX) {
        if (length >>> 16 === TLS_ALERT) throw answeredInTls();
        throw malformed(responder(length), PROTOCOL_HINT);
      }
      const end = start + LENGTH_BYTES + length;
      if (end > this.#filled) break;
      this.#take(new BufferReader(this.#buffer, start + LENGTH_BYTES, end));
      start = end;
    }
    this.#buffer.copyWithin(0, start, this.#filled);
    this.#filled -= start;
  }

  /** Grows with the bytes received, not with the length announced. Shrinks again after a long frame. */
  #makeRoom(): void {
    if (this.#filled === this.#buffer.length) this.#resize(this.#buffer.length * 2);
    else if (this.#filled <= BUFFER_BYTES / 2 && this.#buffer.length > BUFFER_BYTES) {
      this.#resize(BUFFER_BYTES);
    }
  }

  #resize(length: number): void {
    const buffer = new Uint8Array(length);
    buffer.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = buffer;
  }
}

/** Recognizes the first bytes of PostgreSQL's ErrorResponse and of an HTTP response. */
function responder(length: number): string {
  if (length >>> 24 === 0x45) return "it is from PostgreSQL, not Kafka";
  if (length === 0x48545450) return "it is from a web server, not Kafka";
  return `a length of ${length} bytes`;
}

const PROTOCOL_HINT = advice`correct ${setting("kafka.brokers")}, or set ${
  setting("kafka.security_protocol")
} to the protocol of that port`;

function answeredInTls(): CaptureError {
  return new CaptureError("kafka-refused", "the port uses TLS, and the client does not", {
    hint: advice`set ${setting("kafka.security_protocol")} to SSL or SASL_SSL, or the port in ${
      setting("kafka.brokers")
    } to that of a listener without TLS`,
  });
}
