// Checks the frames of backend messages, so that a server that sends garbage costs neither memory nor time.

import { advice, setting } from "../core/advice.ts";
import { CaptureError } from "../core/errors.ts";
import type { Authentication } from "./authentication.ts";

const HEADER_BYTES = 5;
const READY_FOR_QUERY = "Z".charCodeAt(0);
const AUTHENTICATION = "R".charCodeAt(0);
const ERROR_RESPONSE = "E".charCodeAt(0);
/**
 * Messages with field lists, which `pg` reads up to a zero byte; if that is missing, it would never stop
 * reading.
 */
const FIELD_LISTS: ReadonlySet<number> = new Set(codes("EN"));
// The messages that a backend can send before a stream begins (PostgreSQL manual, 55.7) and that `pg` knows.
const TYPES: ReadonlySet<number> = new Set(codes("123ACDEGHIKNRSTWZcdnst"));
// Far more than any answer to this program's queries, including a login.
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** As in libpq (fe-connect.c, PQconnectPoll). */
const AUTHENTICATION_BYTES_MAX = 2000;

/**
 * Checks bytes received in pieces of any size. The size of an answer (up to ReadyForQuery) is limited, and
 * authentication requests are checked before `pg` sees them.
 */
export class FrameGuard {
  /** The current message: the received part of its header, and the number of body bytes still to come. */
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #bodyBytes = 0;
  #answerBytes = 0;
  readonly #authentication: Authentication;
  /** The received part of the current authentication request's body. */
  #request: Uint8Array | undefined;
  /** In a field list: the next byte is a field's type, a byte of its text, or must not be there. */
  #field: "none" | "type" | "text" | "ended" = "none";

  constructor(authentication: Authentication) {
    this.#authentication = authentication;
  }

  /**
   * @throws CaptureError `decoding` if PostgreSQL never sends such bytes, `postgres-refused` if an
   *   authentication request must not be answered
   */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#bodyBytes === 0) {
        this.#header[this.#headerBytes++] = bytes[at++]!;
        if (this.#headerBytes === HEADER_BYTES) this.#begin();
        continue;
      }
      const count = Math.min(this.#bodyBytes, bytes.length - at);
      if (this.#field !== "none") this.#passFields(bytes.subarray(at, at + count));
      this.#request?.set(bytes.subarray(at, at + count), this.#request.length - this.#bodyBytes);
      this.#bodyBytes -= count;
      at += count;
      if (this.#bodyBytes === 0) this.#end();
    }
  }

  #begin(): void {
    this.#headerBytes = 0;
    const [type = 0] = this.#header;
    const length = new DataView(this.#header.buffer).getUint32(1);
    if (!TYPES.has(type) || length < HEADER_BYTES - 1) {
      throw malformed(`a message of type ${type} and ${length} bytes, which the protocol does not have`);
    }
    this.#bodyBytes = length - (HEADER_BYTES - 1);
    this.#beginRequest(type);
    this.#answerBytes = type === READY_FOR_QUERY ? 0 : this.#answerBytes + length;
    if (this.#answerBytes > ANSWER_BYTES_MAX) throw malformed("an answer without an end");
    this.#field = FIELD_LISTS.has(type) ? "type" : "none";
    if (this.#bodyBytes === 0) this.#end();
  }

  /** Until the login is over, a server sends nothing else. A bare ReadyForQuery would skip authentication. */
  #beginRequest(type: number): void {
    if (type === AUTHENTICATION) {
      if (this.#bodyBytes > AUTHENTICATION_BYTES_MAX) {
        throw malformed(`a request to log in of ${this.#bodyBytes} bytes`);
      }
      this.#request = new Uint8Array(this.#bodyBytes);
    } else if (type !== ERROR_RESPONSE && !this.#authentication.isOver) {
      throw malformed(`a message of type ${String.fromCharCode(type)} before the login was over`);
    }
  }

  #passFields(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#field === "ended") throw malformed("bytes behind the end of an error");
      if (this.#field === "type") this.#field = byte === 0 ? "ended" : "text";
      else if (byte === 0) this.#field = "type";
    }
  }

  #end(): void {
    if (this.#field === "type" || this.#field === "text") throw malformed("an error without an end");
    if (this.#request !== undefined) this.#authentication.request(this.#request);
    this.#request = undefined;
  }
}

/** The error for bytes that the protocol does not allow. */
export function malformed(found: string): CaptureError {
  return new CaptureError("decoding", `Cannot read PostgreSQL's answer: it sent ${found}`, {
    hint: advice`check that ${setting("pg.host")} and ${
      setting("pg.port")
    } lead to PostgreSQL, unchanged on the way`,
  });
}

function codes(letters: string): readonly number[] {
  return [...letters].map((letter) => letter.charCodeAt(0));
}
