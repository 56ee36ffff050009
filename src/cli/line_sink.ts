// A sink that prints each change as a line of JSON.

import { escapeControls } from "../observability/escape.ts";
import type { Progress } from "../core/position.ts";
import type { ReceivedRequest, SnapshotLedger } from "../core/snapshot_state.ts";
import type { EncodedRecord } from "../core/encoded_record.ts";
import type { Batch, Route, Sink } from "../pipeline/ports.ts";

const NEWLINE = 0x0a;
const FIRST_BYTES = 64 * 1024;
/** Output is buffered up to this size. */
const BATCH_BYTES_MAX = 1024 * 1024;

/** Accepts any topic and keeps no progress. */
export class LineSink implements Sink {
  readonly #print: (bytes: Uint8Array) => void;

  /** @param print writes all of the bytes; an error that it throws ends the capture */
  constructor(print: (bytes: Uint8Array) => void) {
    this.#print = print;
  }

  open(): Promise<Progress | null> {
    return Promise.resolve(null);
  }

  route(topic: string): Promise<Route> {
    return Promise.resolve({ topic, partitions: 1 });
  }

  refreshRoutes(): Promise<boolean> {
    return Promise.resolve(false);
  }

  createBatch(): Batch {
    return new LineBatch();
  }

  send(batch: Batch): Promise<void> {
    if (batch instanceof LineBatch && batch.count > 0) this.#print(batch.lines);
    return Promise.resolve();
  }

  write(batch: Batch): Promise<void> {
    return this.send(batch);
  }

  readSnapshots(): Promise<SnapshotLedger> {
    return Promise.resolve({ states: [], requestsTaken: null });
  }

  readRequests(): Promise<readonly ReceivedRequest[]> {
    return Promise.resolve([]);
  }

  close(): void {}
}

class LineBatch implements Batch {
  #buffer = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#length;
  }

  get lines(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  fits(): boolean {
    return this.#length < BATCH_BYTES_MAX;
  }

  append(_route: Route, { bytes, keyEnd, valueEnd }: EncodedRecord): void {
    this.#count++;
    if (valueEnd < 0) return;
    const value = printable(bytes.subarray(Math.max(0, keyEnd), valueEnd));
    this.#reserve(value.length + 1);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    this.#buffer[this.#length++] = NEWLINE;
  }

  clear(): void {
    this.#length = this.#count = 0;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.lines);
    this.#buffer = larger;
  }
}

/**
 * JSON without characters that control a terminal. Unescaped ones occur only between tokens, as line breaks
 * in values of type json, and become spaces. The rest are in strings, where an escape means the same.
 */
function printable(json: Uint8Array): Uint8Array {
  if (json.every((byte) => byte >= SPACE && byte < DELETE)) return json;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(json);
  return new TextEncoder().encode(escapeControls(text.replace(/[\t\n\r]/g, " ")));
}

const SPACE = 0x20;
const DELETE = 0x7f;
