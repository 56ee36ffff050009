// One direction of a proxied connection: bytes wait their latency, keep to the bandwidth, come in slices, or never.

import type { Socket } from "node:net";
import { delay } from "../../dev/servers/server_process.ts";

/** How a direction is; changed while bytes are on their way. */
export interface LaneConditions {
  latencyMs: number;
  /** Each piece takes up to so much longer or shorter than `latencyMs`; the order stays. */
  jitterMs: number;
  bytesPerSecond: number;
  /** Bytes are written at most so many at a time. */
  sliceBytes: number;
  /** `stalled`: kept until it is open again. `swallowing`: taken and lost; the connection never recovers. */
  state: "open" | "stalled" | "swallowing";
}

/** A direction on which nothing is wrong. */
export function goodLane(): LaneConditions {
  return { latencyMs: 0, jitterMs: 0, bytesPerSecond: Infinity, sliceBytes: Infinity, state: "open" };
}

const POLL_MS = 5;
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** A queue of bytes on their way to `to`. */
export class Lane {
  readonly #to: Socket;
  readonly #conditions: LaneConditions;
  readonly #queue: { readonly bytes: Uint8Array; readonly dueAt: number }[] = [];
  #queuedBytes = 0;
  #lastDueAt = 0;
  #lost = false;
  #closed = false;

  constructor(to: Socket, conditions: LaneConditions) {
    this.#to = to;
    this.#conditions = conditions;
  }

  /** Takes bytes on; waits where too many are on their way. */
  async push(bytes: Uint8Array): Promise<void> {
    const { latencyMs, jitterMs } = this.#conditions;
    const travelMs = Math.max(0, latencyMs + jitterMs * (2 * Math.random() - 1));
    this.#lastDueAt = Math.max(this.#lastDueAt, performance.now() + travelMs);
    this.#queue.push({ bytes, dueAt: this.#lastDueAt });
    this.#queuedBytes += bytes.length;
    while (this.#queuedBytes > QUEUE_BYTES_MAX && !this.#closed) await delay(POLL_MS);
  }

  /** Writes what is due, until it is closed. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const head = this.#queue[0];
      if (head === undefined || head.dueAt > performance.now()) {
        await delay(head === undefined ? 1 : Math.min(POLL_MS, Math.max(0, head.dueAt - performance.now())));
        continue;
      }
      this.#queue.shift();
      await this.#deliver(head.bytes);
      this.#queuedBytes -= head.bytes.length;
    }
  }

  /** Waits until everything that was pushed is written or lost, and the news of an end would come through. */
  async drain(): Promise<void> {
    while ((this.#queuedBytes > 0 || this.#conditions.state !== "open") && !this.#closed) {
      await delay(POLL_MS);
    }
  }

  /** From now on all bytes are lost: those of a connection that a black hole had a part of can't be read. */
  markLost(): void {
    this.#lost = true;
  }

  close(): void {
    this.#closed = true;
  }

  async #deliver(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#closed;) {
      while (this.#conditions.state === "stalled" && !this.#closed && !this.#lost) await delay(POLL_MS);
      if (this.#conditions.state === "swallowing") this.#lost = true;
      if (this.#lost) return;
      const { sliceBytes, bytesPerSecond } = this.#conditions;
      const piece = bytes.subarray(at, at + Math.min(sliceBytes, sliceOf(bytesPerSecond)));
      await this.#write(piece);
      at += piece.length;
      if (bytesPerSecond !== Infinity) await delay(1000 * piece.length / bytesPerSecond);
    }
  }

  #write(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#to.destroyed) return resolve();
      const done = () => {
        this.#to.off("close", done);
        resolve();
      };
      this.#to.on("close", done);
      this.#to.write(piece, done);
    });
  }
}

/** About 20 pieces a second. */
function sliceOf(bytesPerSecond: number): number {
  return Math.max(1, Math.floor(bytesPerSecond / 20));
}
