// Describes a Kafka API to a connection: its key, its versions, and how to write and read its bodies.

import type { BufferReader } from "./buffer_reader.ts";
import type { BufferWriter } from "./buffer_writer.ts";

/**
 * One API of the protocol. Each file of `apis/` holds one; the layouts are those of Kafka's own definitions,
 * clients/src/main/resources/common/message/ in apache/kafka.
 */
export interface Api<Request, Response> {
  readonly name: string;
  readonly key: number;
  /** The versions that `encode` and `decode` know. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** The first version with compact types, tagged fields and the longer headers. */
  readonly flexibleFrom: number;
  encode(writer: BufferWriter, request: Request, version: number): void;
  decode(reader: BufferReader, version: number): Response;
}
