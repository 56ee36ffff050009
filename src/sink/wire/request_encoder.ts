// Encodes requests with their headers, in a buffer that is reused.

import type { Api } from "./api.ts";
import { BufferWriter } from "./buffer_writer.ts";

/** The requests of one connection, one at a time. */
export class RequestEncoder {
  readonly #clientId: string;
  readonly #writer = new BufferWriter();
  #correlationId = 0;

  constructor(clientId: string) {
    this.#clientId = clientId;
  }

  /** Encodes a request with header version 1 or 2. @returns its correlation id */
  encode<Request>(api: Api<Request, unknown>, version: number, request: Request): number {
    const writer = this.#writer;
    const correlationId = this.#correlationId;
    this.#correlationId = (correlationId + 1) & 0x7fffffff;
    writer.reset();
    writer.int32(0); // the length, set below
    writer.int16(api.key);
    writer.int16(version);
    writer.int32(correlationId);
    writer.string(this.#clientId); // not compact in either version
    if (version >= api.flexibleFrom) writer.noTags();
    api.encode(writer, request, version);
    writer.setInt32(0, writer.length - LENGTH_BYTES);
    return correlationId;
  }

  /** The encoded request, valid until the next one is encoded. */
  chunks(): readonly Uint8Array[] {
    return this.#writer.chunks();
  }
}

const LENGTH_BYTES = 4;
