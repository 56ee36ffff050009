// The progress topic's log, read from the broker that leads its partition.

import { brokerError } from "./broker_error.ts";
import { CaptureError } from "../core/errors.ts";
import type { Cluster } from "./cluster.ts";
import type { ProgressLog } from "./progress_reader.ts";
import type { TopicRoute } from "./topic_directory.ts";
import { growingPauses, pause } from "./wait.ts";
import { fetch } from "./wire/apis/fetch.ts";
import { listOffsets, type ListOffsetsRequest } from "./wire/apis/list_offsets.ts";

const PARTITION = 0;
const FETCH_BYTES_MAX = 1024 * 1024;

/** Partition 0 of a topic; every call may throw a CaptureError. */
export class PartitionLog implements ProgressLog {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #leaderId: number;
  readonly #signal: AbortSignal;
  #end = 0n;

  constructor(cluster: Cluster, route: TopicRoute, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#topic = route.topic;
    this.#leaderId = route.leaders[PARTITION] ?? -1;
    this.#signal = signal;
  }

  /** That it may be read, also while there is nothing in it: else only the second start would say so. */
  async requireReadable(): Promise<void> {
    await this.read(await this.end());
  }

  start(): Promise<bigint> {
    return this.#offset("start");
  }

  async end(): Promise<bigint> {
    return this.#end = await this.#offset("high-watermark");
  }

  /** An answer without records is the end only where the broker's high watermark says so: it may be throttled. */
  async read(offset: bigint): Promise<Uint8Array> {
    for (const pauseMs of growingPauses(10, 1_000, 10_000)) {
      const leader = await this.#cluster.broker(this.#leaderId, this.#signal);
      const request = { topic: this.#topic, partition: PARTITION, offset, bytesMax: FETCH_BYTES_MAX };
      const response = await leader.request(fetch, request, this.#signal);
      this.#check(response.errorCode);
      if (response.records.length > 0 || response.highWatermark >= this.#end) return response.records;
      await pause(pauseMs, this.#signal);
    }
    throw new CaptureError(
      "kafka-unavailable",
      `Cannot read topic "${this.#topic}": the broker gives no records from offset ${offset} on, of ${this.#end}`,
    );
  }

  async #offset(position: ListOffsetsRequest["position"]): Promise<bigint> {
    const leader = await this.#cluster.broker(this.#leaderId, this.#signal);
    const request = { topic: this.#topic, partition: PARTITION, position };
    const { errorCode, offset } = await leader.request(listOffsets, request, this.#signal);
    this.#check(errorCode);
    return offset;
  }

  #check(errorCode: number): void {
    if (errorCode === 0) return;
    throw brokerError({
      action: `read topic "${this.#topic}"`,
      rule: `--operation Read --topic "${this.#topic}"`,
      otherwise: "kafka-unavailable",
    }, errorCode);
  }
}
